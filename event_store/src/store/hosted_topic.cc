#include "src/store/hosted_topic.h"

#include <algorithm>
#include <utility>

namespace bitacora::event_store {
namespace {

constexpr char kUnsafeSettings[] = "unsafe-settings";

}  // namespace

void HostedPartition::Acknowledged(Offset offset) {
  if (offset == Log::kOffsetUnknown) return;
  MutexLock lock(mu_);
  acknowledged_ = std::max(acknowledged_, offset.Next());
}

void HostedPartition::Applied(Offset next, std::int64_t events, Deadline now) {
  events_ = events;
  MutexLock lock(mu_);
  applied_ = next;
  end_ = std::max(end_, next);
  Mark(now);
}

void HostedPartition::MetEnd(Offset end, Deadline now) {
  MutexLock lock(mu_);
  caught_up_ = true;
  end_ = std::max(end_, end);
  applied_ = std::max(applied_, end);
  Mark(now);
}

void HostedPartition::Mark(Deadline now) {
  if (applied_ < marked_) return;
  marked_ = std::max(acknowledged_, end_);
  marked_at_ = now;
}

void HostedPartition::KnowEnd(Offset end) {
  MutexLock lock(mu_);
  end_ = std::max(end_, end);
}

void HostedPartition::SetEarliest(Offset earliest) {
  MutexLock lock(mu_);
  earliest_ = earliest;
}

void HostedPartition::SetProblem(std::string_view reason, std::string detail) {
  MutexLock lock(mu_);
  if (!problem_.empty()) return;
  problem_ = reason;
  problem_detail_ = std::move(detail);
}

void HostedPartition::SetUnsafeSetting(std::string setting) {
  MutexLock lock(mu_);
  unsafe_setting_ = std::move(setting);
}

PartitionProgress HostedPartition::Progress() const {
  MutexLock lock(mu_);
  std::string problem(problem_);
  if (problem.empty() && !unsafe_setting_.empty()) problem = kUnsafeSettings;
  return {at, earliest_, applied_, end_, caught_up_, std::move(problem)};
}

std::optional<Offset> HostedPartition::CatchingUpTo() const {
  MutexLock lock(mu_);
  if (caught_up_ || applied_ >= end_ || !problem_.empty()) return std::nullopt;
  return end_;
}

bool HostedPartition::condemned() const {
  MutexLock lock(mu_);
  return !problem_.empty();
}

Status HostedPartition::Healthy() const {
  MutexLock lock(mu_);
  const auto read_only = [this](const std::string& why, std::string_view reason) {
    return Error(ErrorCode::kUnavailable,
                 "partition " + std::to_string(at.partition.value) + " is read-only: " + why,
                 reason);
  };
  if (!problem_.empty()) return read_only(problem_detail_, problem_);
  if (unsafe_setting_.empty()) return {};
  return read_only("the topic's setting " + unsafe_setting_ + " could lose events",
                   kUnsafeSettings);
}

Status HostedPartition::Accepts(Deadline now, const EventStoreOptions& options) {
  BITACORA_RETURN_IF_ERROR(Healthy());
  MutexLock lock(mu_);
  Mark(now);
  const std::int64_t behind = std::max(acknowledged_, end_).value - applied_.value;
  const bool late = applied_ < marked_ && now - marked_at_ > options.fold_lag_max;
  if (caught_up_ && !late && behind <= options.fold_lag_records_max) return {};
  return Error(ErrorCode::kUnavailable,
               "partition " + std::to_string(at.partition.value) +
                   " is being folded: " + std::to_string(behind) + " records to go",
               "not-caught-up");
}

HostedTopic::HostedTopic(TopicDescription description_, TopicKind kind_, std::string log_id_,
                         DeadlineTimer& timer)
    : description(std::move(description_)),
      kind(kind_),
      log_id(std::move(log_id_)),
      log_tag(TagOfLog(log_id)),
      applied(description.partitions, timer) {}

HostedPartition* HostedTopic::Find(Partition partition) const {
  const auto at = static_cast<std::size_t>(partition.value);
  return partition.value >= 0 && at < partitions.size() ? partitions[at].get() : nullptr;
}

void HostedTopic::SetUnsafeSettings(const std::vector<std::string>& settings) {
  if (kind != TopicKind::kOwned) return;
  for (const auto& partition : partitions) {
    partition->SetUnsafeSetting(settings.empty() ? std::string() : settings.front());
  }
}

Topic HostedTopic::Describe() const {
  Topic topic;
  topic.name = description.name;
  topic.kind = kind;
  topic.partitions = description.partitions;
  topic.log_id = log_id;
  topic.durability = description.durability;
  topic.record_bytes_max = description.record_bytes_max;
  topic.catching_up = !CatchingUpTo().next.empty();  // Before the events are counted.
  for (const auto& partition : partitions) {
    const PartitionProgress progress = partition->Progress();
    topic.events += kind == TopicKind::kOwned ? partition->events()
                                              : progress.end.value - progress.earliest.value;
    if (topic.problem.empty()) topic.problem = progress.problem;
  }
  return topic;
}

Position HostedTopic::CatchingUpTo() const {
  Position position;
  if (caught_up_) return position;
  for (const auto& partition : partitions) {
    if (const auto end = partition->CatchingUpTo()) {
      position.next[partition->at.partition] = {*end, 0};
    }
  }
  if (position.next.empty()) {
    caught_up_ = true;
  } else {
    position.log_tag = log_tag;
  }
  return position;
}

}  // namespace bitacora::event_store
