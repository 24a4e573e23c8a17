#include "src/store/log_check.h"

#include <string>
#include <utility>
#include <variant>

#include <bitacora/base/log.h>

namespace bitacora::event_store {
namespace {

/// How far a genesis is looked for: foreign records may stand before it where somebody wrote while
/// the topic was being made.
constexpr std::size_t kHeadRecordsMax = 1000;

/// Of a fold that only checks the chain.
class NoStreams final : public StreamLookup {
 public:
  std::optional<Version> Head(std::string_view) override { return std::nullopt; }
  std::optional<Remembered> Find(std::string_view, std::string_view) override {
    return std::nullopt;
  }
};

Error MovedBackwards(const std::string& what, Offset offset) {
  return {ErrorCode::kCorruption,
          "the log has moved backwards: " + what + " at offset " + std::to_string(offset.value),
          "log-moved-backwards"};
}

Error EndsTooEarly(Offset end) { return MovedBackwards("it ends before what was folded,", end); }

Status CheckGenesis(Log& log, const TopicPartition& at, const PartitionFold& fold) {
  if (!fold.genesis) return {};
  BITACORA_ASSIGN_OR_RETURN(const PartitionHead head, ReadHead(log, at));
  if (!head.genesis) {
    return Error(ErrorCode::kCorruption, "the partition's genesis record is gone", "log-head-lost");
  }
  if (head.genesis->log_id == fold.genesis->log_id) return {};
  return MovedBackwards("the topic was made anew, with another genesis", head.earliest);
}

Status CheckLast(Log& log, const TopicPartition& at, const PartitionState& state) {
  if (!state.last) return {};
  BITACORA_ASSIGN_OR_RETURN(const Log::Fetched fetched, log.Fetch(at, *state.last, {1, 1}));
  if (fetched.records.empty() || fetched.records[0].offset != *state.last) {
    return MovedBackwards("the record folded last is not there", *state.last);
  }
  PartitionFold again = state.fold;
  again.next = *state.last;
  again.chain = state.chain_before_last;
  NoStreams no_streams;
  const auto step = FoldRecord(fetched.records[0], at.partition, &again, no_streams);
  if (step && again.chain == state.fold.chain) return {};
  return MovedBackwards("another record is", *state.last);
}

bool IsLoss(const Error& error) { return error.code() == ErrorCode::kCorruption; }

}  // namespace

Result<PartitionHead> ReadHead(Log& log, const TopicPartition& at) {
  PartitionHead head;
  BITACORA_ASSIGN_OR_RETURN(head.earliest, log.Earliest(at));
  head.empty = true;
  Offset from = head.earliest;
  for (std::size_t seen = 0; seen < kHeadRecordsMax;) {
    // The first one is nearly always it.
    const std::size_t records_max = seen == 0 ? 1 : 100;
    BITACORA_ASSIGN_OR_RETURN(const Log::Fetched fetched,
                              log.Fetch(at, from, {records_max, 1u << 20}));
    for (const StoredRecord& record : fetched.records) {
      head.empty = false;
      const RecordMeaning meaning = ReadMeaning(record);
      if (const auto* genesis = std::get_if<Genesis>(&meaning)) {
        head.genesis = *genesis;
        head.lost = false;
        return head;
      }
      if (!std::holds_alternative<Unreadable>(meaning)) head.lost = true;
    }
    seen += fetched.records.size();
    from = fetched.next;
    if (fetched.at_end) break;
  }
  return head;
}

Result<bool> HoldsOnlyGenesis(Log& log, const TopicPartition& at, std::int32_t partitions) {
  BITACORA_ASSIGN_OR_RETURN(Offset from, log.Earliest(at));
  BITACORA_ASSIGN_OR_RETURN(const Offset latest, log.Latest(at));
  while (from < latest) {
    BITACORA_ASSIGN_OR_RETURN(const Log::Fetched fetched, log.Fetch(at, from, {10, 1u << 20}));
    for (const StoredRecord& record : fetched.records) {
      const RecordMeaning meaning = ReadMeaning(record);
      const auto* genesis = std::get_if<Genesis>(&meaning);
      if (genesis == nullptr || genesis->partitions != partitions) return false;
    }
    if (fetched.at_end) break;
    from = fetched.next;
  }
  return true;
}

Status CheckPartition(Log& log, const TopicPartition& at, const PartitionState& state) {
  BITACORA_ASSIGN_OR_RETURN(const Offset latest, log.Latest(at));
  if (latest < state.fold.next) return EndsTooEarly(latest);
  BITACORA_RETURN_IF_ERROR(CheckGenesis(log, at, state.fold));
  return CheckLast(log, at, state);
}

LogCheck::LogCheck(const EventStoreOptions& options, Log& log, const StateDb& state,
                   const Clock& clock)
    : options_(options),
      log_(log),
      state_(state),
      clock_(clock),
      due_(clock.Now() + options.check_interval),
      connections_(log.Connections()) {}

bool LogCheck::IsDue() { return clock_.Now() >= due_ || log_.Connections() != connections_; }

void LogCheck::Run(const std::vector<std::shared_ptr<HostedTopic>>& topics,
                   const Condemn& condemn) {
  // Both as of before the looking: what happens meanwhile is for the next run.
  const bool whole = IsDue();
  const std::uint64_t connections = log_.Connections();
  const Deadline next = clock_.Now() + options_.check_interval;
  bool all_found_out = true;
  for (const auto& topic : topics) {
    if (topic->kind != TopicKind::kOwned) continue;
    for (const auto& partition : topic->partitions) {
      if (partition->condemned()) continue;
      const std::optional<Status> found = Look(*partition, whole);
      if (!found) {
        all_found_out = false;
      } else if (!found->ok()) {
        condemn(*partition, found->error());
      }
    }
  }
  if (!whole || !all_found_out) return;
  due_ = next;
  connections_ = connections;
}

std::optional<Status> LogCheck::Look(const HostedPartition& partition, bool whole) {
  // As committed: the fold goes on meanwhile, and what it has in its hands is not for this thread.
  const auto state = state_.LoadPartition(partition.key);
  if (!state.ok()) return std::nullopt;  // The fold meets it too, and stops.
  Seen& seen = seen_[partition.at];
  const bool moved = std::exchange(seen.next, state->fold.next) != state->fold.next;
  if (!whole && moved) {
    seen.behind_since.reset();
    return Status();
  }
  std::optional<Status> end = LookAtEnd(partition.at, state->fold.next);
  if (!whole || !end || !end->ok()) return end;
  Status sound = CheckPartition(log_, partition.at, *state);
  if (sound.ok()) return sound;
  if (IsLoss(sound.error())) {
    // If the end went back in the meantime, it has as long to come back as any.
    end = LookAtEnd(partition.at, state->fold.next);
    return end && end->ok() ? sound : end;
  }
  LogWarning("whether the log is as it was cannot be found out yet",
             {{"topic", partition.at.topic.str()},
              {"partition", partition.at.partition.value},
              {"error", sound.error().ToString()}});
  return std::nullopt;
}

std::optional<Status> LogCheck::LookAtEnd(const TopicPartition& at, Offset next) {
  Seen& seen = seen_[at];
  const auto latest = log_.Latest(at);
  if (!latest.ok()) return std::nullopt;
  if (*latest >= next) {
    seen.behind_since.reset();
    return Status();
  }
  if (!seen.behind_since) seen.behind_since = clock_.Now();
  if (clock_.Now() - *seen.behind_since < options_.end_behind_max) return std::nullopt;
  return EndsTooEarly(*latest);
}

}  // namespace bitacora::event_store
