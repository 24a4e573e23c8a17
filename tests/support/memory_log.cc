#include "support/memory_log.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace bitacora::tests {

using event_store::LogReader;
using event_store::ReadEvent;
using event_store::TopicDescription;

namespace {

Error NoTopic() { return {ErrorCode::kNotFound, "no such topic or partition"}; }
Error Away() { return {ErrorCode::kUnavailable, "the log is away", "log-unavailable"}; }

}  // namespace

class MemoryLogReader final : public LogReader {
 public:
  explicit MemoryLogReader(MemoryLog& log) : log_(log) {}

  Status Assign(const TopicPartition& at, Offset from, std::uint64_t tag) override {
    const std::scoped_lock lock(log_.mu_);
    assigned_[at] = {from, tag, std::nullopt};
    log_.changed_.notify_all();
    return {};
  }
  void Unassign(const TopicPartition& at) override {
    const std::scoped_lock lock(log_.mu_);
    assigned_.erase(at);
  }

  Status Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) override {
    std::unique_lock lock(log_.mu_);
    while (out->empty() && !woken_) {
      Collect(max, out);
      if (!out->empty()) break;
      if (log_.changed_.wait_until(lock, deadline) == std::cv_status::timeout) break;
    }
    woken_ = false;
    return {};
  }

  void Wake() override {
    const std::scoped_lock lock(log_.mu_);
    woken_ = true;
    log_.changed_.notify_all();
  }

 private:
  struct Assignment {
    Offset next;
    std::uint64_t tag;
    std::optional<Offset> end_told;
  };

  void Collect(std::size_t max, std::vector<ReadEvent>* out) {
    if (log_.held_ || !log_.reachable_) return;
    for (auto entry = assigned_.begin(); entry != assigned_.end();) {
      auto& [at, assignment] = *entry;
      if (const auto error = Check(at, assignment)) {
        ReadEvent event;
        event.kind = ReadEvent::Kind::kError;
        event.tag = assignment.tag;
        event.error = *error;
        out->push_back(std::move(event));
        entry = assigned_.erase(entry);
        continue;
      }
      CollectFrom(*log_.FindLocked(at), assignment, max, out);
      ++entry;
    }
  }

  std::optional<Error> Check(const TopicPartition& at, const Assignment& assignment) {
    const auto* partition = log_.FindLocked(at);
    if (partition == nullptr) return NoTopic();
    if (assignment.next < partition->first) {
      return Error(ErrorCode::kCorruption, "below the earliest record", "log-head-lost");
    }
    if (assignment.next > partition->end()) {
      return Error(ErrorCode::kCorruption, "beyond the end", "log-moved-backwards");
    }
    return std::nullopt;
  }

  static void CollectFrom(const MemoryLog::Sequence& partition, Assignment& assignment,
                          std::size_t max, std::vector<ReadEvent>* out) {
    while (assignment.next < partition.end() && out->size() < max) {
      const auto& record =
          partition
              .records[static_cast<std::size_t>(assignment.next.value - partition.first.value)];
      assignment.next = assignment.next.Next();
      if (!record) continue;
      ReadEvent event;
      event.tag = assignment.tag;
      event.record = *record;
      out->push_back(std::move(event));
    }
    if (assignment.next == partition.end() && assignment.end_told != partition.end() &&
        out->size() < max) {
      ReadEvent event;
      event.kind = ReadEvent::Kind::kEnd;
      event.tag = assignment.tag;
      event.end = partition.end();
      out->push_back(std::move(event));
      assignment.end_told = partition.end();
    }
  }

  MemoryLog& log_;
  std::map<TopicPartition, Assignment> assigned_;  // Guarded by log_.mu_.
  bool woken_ = false;                             // Guarded by log_.mu_.
};

MemoryLog::MemoryLog() = default;
MemoryLog::~MemoryLog() = default;

void MemoryLog::SetFault(Fault fault, std::optional<Partition> only) {
  const std::scoped_lock lock(mu_);
  fault_ = fault;
  fault_only_ = only;
}

void MemoryLog::HoldReaders(bool hold) {
  const std::scoped_lock lock(mu_);
  held_ = hold;
  changed_.notify_all();
}

void MemoryLog::HearLate(int describes) {
  const std::scoped_lock lock(mu_);
  late_ = describes;
}

void MemoryLog::SetReachable(bool reachable) {
  const std::scoped_lock lock(mu_);
  if (reachable && !reachable_) ++connections_;
  reachable_ = reachable;
  changed_.notify_all();
}

MemoryLog::Sequence* MemoryLog::FindLocked(const TopicPartition& at) {
  const auto found = partitions_.find(at);
  return found == partitions_.end() ? nullptr : &found->second;
}

Offset MemoryLog::WriteLocked(Sequence& partition, Record record) {
  const Offset offset = partition.end();
  partition.records.push_back(MakeStoredRecord(offset, ++clock_ms_, std::move(record)));
  changed_.notify_all();
  return offset;
}

Offset MemoryLog::Write(const TopicPartition& at, Record record) {
  const std::scoped_lock lock(mu_);
  return WriteLocked(partitions_.at(at), std::move(record));
}

void MemoryLog::WriteHole(const TopicPartition& at) {
  const std::scoped_lock lock(mu_);
  partitions_.at(at).records.emplace_back();
  changed_.notify_all();
}

void MemoryLog::DropBefore(const TopicPartition& at, Offset offset) {
  const std::scoped_lock lock(mu_);
  Sequence& partition = partitions_.at(at);
  while (partition.first < offset && !partition.records.empty()) {
    partition.records.pop_front();
    partition.first = partition.first.Next();
  }
}

void MemoryLog::CutFrom(const TopicPartition& at, Offset offset) {
  const std::scoped_lock lock(mu_);
  CutFromLocked(at, offset);
}

void MemoryLog::CutFromLocked(const TopicPartition& at, Offset offset) {
  Sequence& partition = partitions_.at(at);
  while (partition.end() > offset && !partition.records.empty()) partition.records.pop_back();
}

void MemoryLog::CutFromAfterLatest(const TopicPartition& at, Offset offset) {
  const std::scoped_lock lock(mu_);
  cut_after_latest_.insert_or_assign(at, offset);
}

void MemoryLog::SetUnsafe(const TopicName& topic, std::string setting) {
  const std::scoped_lock lock(mu_);
  topics_.at(topic).unsafe_settings.push_back(std::move(setting));
}

void MemoryLog::SetSafe(const TopicName& topic) {
  const std::scoped_lock lock(mu_);
  topics_.at(topic).unsafe_settings.clear();
}

void MemoryLog::RemoveTopic(const TopicName& topic) {
  const std::scoped_lock lock(mu_);
  topics_.erase(topic);
  std::erase_if(partitions_, [&](const auto& entry) { return entry.first.topic == topic; });
}

void MemoryLog::AddTopic(const TopicName& topic, std::int32_t partitions) {
  const std::scoped_lock lock(mu_);
  TopicDescription description;
  description.name = topic;
  description.partitions = partitions;
  topics_[topic] = description;
  for (std::int32_t i = 0; i < partitions; ++i) partitions_[{topic, Partition(i)}];
}

Result<std::vector<TopicDescription>> MemoryLog::Topics() {
  const std::scoped_lock lock(mu_);
  if (!reachable_) return Away();
  std::vector<TopicDescription> all;
  for (const auto& [name, description] : topics_) all.push_back(description);
  return all;
}

Result<TopicDescription> MemoryLog::Describe(const TopicName& topic) {
  const std::scoped_lock lock(mu_);
  if (!reachable_) return Away();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return NoTopic();
  if (late_ > 0) {
    --late_;
    return NoTopic();
  }
  return found->second;
}

Status MemoryLog::CreateTopic(const TopicName& topic, std::int32_t partitions) {
  if (partitions < 1 || partitions > 64) {
    return Error(ErrorCode::kInvalidArgument, "partitions are 1 to 64");
  }
  {
    const std::scoped_lock lock(mu_);
    if (!reachable_) return Away();
    if (topics_.contains(topic)) return Error(ErrorCode::kAlreadyExists, "the topic exists");
  }
  AddTopic(topic, partitions);
  return {};
}

void MemoryLog::Append(const TopicPartition& at, Record record, AppendCallback callback) {
  Result<Offset> answer = Error(ErrorCode::kTimeout, "no answer");
  {
    const std::scoped_lock lock(mu_);
    const Fault fault = fault_only_.value_or(at.partition) == at.partition ? fault_ : Fault::kNone;
    Sequence* partition = FindLocked(at);
    if (partition == nullptr) {
      answer = NoTopic();
    } else if (fault == Fault::kRefuse || !reachable_) {
      answer = Away();
    } else if (fault == Fault::kNoTopic) {
      answer = NoTopic();
    } else if (fault != Fault::kLoseRecord) {
      const Offset offset = WriteLocked(*partition, std::move(record));
      if (fault == Fault::kNone) answer = offset;
      if (fault == Fault::kLoseOffset) answer = kOffsetUnknown;
    }
  }
  callback(std::move(answer));
}

Result<std::unique_ptr<LogReader>> MemoryLog::NewReader() {
  return std::unique_ptr<LogReader>(std::make_unique<MemoryLogReader>(*this));
}

Result<event_store::Log::Fetched> MemoryLog::Fetch(const TopicPartition& at, Offset from,
                                                   const FetchLimits& limits) {
  const std::scoped_lock lock(mu_);
  if (!reachable_) return Away();
  Sequence* partition = FindLocked(at);
  if (partition == nullptr) return NoTopic();
  if (from < partition->first) {
    return Error(ErrorCode::kCorruption, "below the earliest record", "log-head-lost");
  }
  if (from > partition->end()) {
    return Error(ErrorCode::kCorruption, "beyond the end", "log-moved-backwards");
  }
  Fetched fetched;
  fetched.next = from;
  std::size_t bytes = 0;
  while (fetched.next < partition->end() && fetched.records.size() < limits.records_max &&
         bytes < limits.bytes_max) {
    const auto& record =
        partition->records[static_cast<std::size_t>(fetched.next.value - partition->first.value)];
    fetched.next = fetched.next.Next();
    if (!record) continue;
    fetched.records.push_back(*record);
    bytes += record->value.size();
  }
  fetched.at_end = fetched.next == partition->end();
  return fetched;
}

Result<Offset> MemoryLog::Earliest(const TopicPartition& at) {
  const std::scoped_lock lock(mu_);
  if (!reachable_) return Away();
  Sequence* partition = FindLocked(at);
  return partition == nullptr ? Result<Offset>(NoTopic()) : partition->first;
}

Result<Offset> MemoryLog::Latest(const TopicPartition& at) {
  const std::scoped_lock lock(mu_);
  if (!reachable_) return Away();
  Sequence* partition = FindLocked(at);
  if (partition == nullptr) return NoTopic();
  const Offset end = partition->end();
  if (const auto cut = cut_after_latest_.extract(at)) CutFromLocked(at, cut.mapped());
  return end;
}

Result<Offset> MemoryLog::OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) {
  const std::scoped_lock lock(mu_);
  Sequence* partition = FindLocked(at);
  if (partition == nullptr) return NoTopic();
  for (const auto& record : partition->records) {
    if (record && record->timestamp_ms >= wall_ms) return record->offset;
  }
  return partition->end();
}

std::uint64_t MemoryLog::Connections() const {
  const std::scoped_lock lock(mu_);
  return connections_;
}

Status MemoryLog::Writable() const {
  const std::scoped_lock lock(mu_);
  return reachable_ ? Status() : Status(Away());
}

}  // namespace bitacora::tests
