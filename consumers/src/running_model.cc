#include "src/running_model.h"

#include <algorithm>
#include <utility>

namespace bitacora::consumers {

void RunningPartition::Stop(std::string problem) {
  MutexLock lock(mu_);
  if (!problem_) problem_ = std::move(problem);
}

std::optional<std::string> RunningPartition::Stopped() const {
  MutexLock lock(mu_);
  return problem_;
}

void RunningPartition::SetDocuments(std::int64_t documents) {
  MutexLock lock(mu_);
  documents_ = documents;
}

std::int64_t RunningPartition::documents() const {
  MutexLock lock(mu_);
  return documents_;
}

Status RunningModel::Load(projections::ReadModelStore& store, const Position& earliest,
                          Position whole) {
  whole_ = std::move(whole);
  for (std::int32_t number = 0; number < topic.partitions; ++number) {
    const Partition partition(number);
    BITACORA_ASSIGN_OR_RETURN(projections::PartitionState state, store.State(model, partition));
    if (state == projections::PartitionState()) {
      const auto start = earliest.next.find(partition);
      if (start != earliest.next.end()) state.first = state.next = start->second.offset;
    }
    applied.Advance(partition, state.next);
    partitions.push_back(std::make_unique<RunningPartition>(
        store, model, TopicPartition{topic.name, partition}, state));
  }
  return {};
}

Position RunningModel::WholeIn(event_store::EventStore& store) const {
  Position whole = whole_;
  if (topic.kind == event_store::TopicKind::kAdopted) return whole;
  const auto folding = store.CatchingUpTo(topic.name);
  if (!folding) return whole;  // Not hosted: the log would be asked about it.
  const auto folded = store.LatestPosition(topic.name);  // Asked last: it is no less then.
  if (!folded.ok() || folded->log_tag != log_tag) return whole;
  for (auto& [partition, place] : whole.next) {
    const auto end = folded->next.find(partition);
    if (end == folded->next.end() || folding->next.contains(partition)) continue;
    place = std::min(place, end->second);
  }
  return whole;
}

Position RunningModel::CatchingUpTo(event_store::EventStore& store) const {
  Position still;
  if (caught_up_) return still;
  const std::vector<Offset> next = applied.Applied();
  for (const auto& [partition, place] : WholeIn(store).next) {
    const auto at = static_cast<std::size_t>(partition.value);
    if (at >= next.size() || next[at] >= place.offset || partitions[at]->Stopped()) continue;
    still.next[partition] = place;
  }
  if (still.next.empty()) {
    caught_up_ = true;
  } else {
    still.log_tag = log_tag;
  }
  return still;
}

std::string RunningModel::Applied() const {
  std::vector<Offset> next = applied.Applied();
  const MutexLock lock(mu_);
  if (formatted_.text.empty() || formatted_.of != next) {
    Position position;
    position.log_tag = log_tag;
    for (std::size_t i = 0; i < next.size(); ++i) {
      position.next[Partition(static_cast<std::int32_t>(i))] = {next[i], 0};
    }
    formatted_ = {std::move(next), FormatPosition(position)};
  }
  return formatted_.text;
}

Status RunningModel::StoppedBefore(const Position& position) const {
  const std::vector<Offset> next = applied.Applied();
  for (const auto& [partition, wanted] : position.next) {
    const auto at = static_cast<std::size_t>(partition.value);
    // A place inside an append asks for the whole record, as AppliedWaits has it.
    const Offset behind = wanted.index > 0 ? wanted.offset.Next() : wanted.offset;
    if (at >= next.size() || next[at] >= behind) continue;
    if (const auto problem = partitions[at]->Stopped()) {
      return Error(ErrorCode::kUnavailable,
                   model.name + " has stopped in partition " + std::to_string(partition.value) +
                       " at offset " + std::to_string(next[at].value) + ": " + *problem,
                   "read-model-stopped");
    }
  }
  return {};
}

}  // namespace bitacora::consumers
