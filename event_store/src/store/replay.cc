#include <map>
#include <utility>

#include <bitacora/event_store/replay.h>

#include "src/store/state_db.h"

namespace bitacora::event_store {
namespace {

constexpr std::size_t kEventsPerBatch = 2000;
/// So long the log may say nothing: longer than electing another leader takes.
constexpr std::chrono::seconds kPatience{30};
/// Of a reader with one partition.
constexpr std::uint64_t kTag = 0;

class ReplayImpl final : public Replay {
 public:
  ReplayImpl(Log& log, std::unique_ptr<LogReader> reader, std::unique_ptr<StateDb> state)
      : log_(log), reader_(std::move(reader)), state_(std::move(state)) {}

  Result<Summary> Run(const TopicPartition& at, Offset end,
                      const std::function<Status(TopicRecord)>& visit,
                      const std::function<void(std::int64_t)>& progress) override {
    BITACORA_ASSIGN_OR_RETURN(const Offset earliest, log_.Earliest(at));
    if (earliest >= end) return Summary{};
    BITACORA_RETURN_IF_ERROR(reader_->Assign(at, earliest, kTag));
    Result<Summary> summary = Read({NumberOf(at.topic), at.partition.value}, end, visit, progress);
    reader_->Unassign(at);
    return summary;
  }

 private:
  std::uint32_t NumberOf(const TopicName& topic) {
    const auto next = static_cast<std::uint32_t>(numbers_.size() + 1);
    return numbers_.try_emplace(topic, next).first->second;
  }

  Result<Summary> Read(const PartitionKey& key, Offset end,
                       const std::function<Status(TopicRecord)>& visit,
                       const std::function<void(std::int64_t)>& progress) {
    PartitionState state;
    Summary summary;
    FoldBatch batch(*state_);
    for (bool done = false; !done;) {
      BITACORA_ASSIGN_OR_RETURN(std::vector<ReadEvent> events, Next());
      for (ReadEvent& event : events) {
        BITACORA_ASSIGN_OR_RETURN(done, IsBehind(event, end));
        if (done) break;
        if (event.kind != ReadEvent::Kind::kRecord) continue;
        ++summary.records;
        BITACORA_RETURN_IF_ERROR(FoldOne(batch, key, std::move(event.record), &state, visit));
      }
      batch.Save(key, state);
      BITACORA_RETURN_IF_ERROR(batch.Commit());
      progress(summary.records);
    }
    summary.events = state.fold.events;
    return summary;
  }

  /// What the log has next: at least one event.
  Result<std::vector<ReadEvent>> Next() {
    std::vector<ReadEvent> events;
    const Deadline deadline = SystemClock().Now() + kPatience;
    while (true) {
      const Status polled = reader_->Poll(kEventsPerBatch, deadline, &events);
      if (!events.empty()) return events;
      if (!polled.ok() && !polled.error().retryable()) return polled.error();
      if (SystemClock().Now() < deadline) continue;
      return Error(ErrorCode::kUnavailable, "the log does not give its records", "log-unavailable");
    }
  }

  /// Whether everything before `end` was met.
  static Result<bool> IsBehind(const ReadEvent& event, Offset end) {
    switch (event.kind) {
      case ReadEvent::Kind::kRecord:
        return event.record.offset >= end;
      case ReadEvent::Kind::kError:
        return event.error;
      case ReadEvent::Kind::kEnd:
        break;
    }
    if (event.end >= end) return true;
    return Error(ErrorCode::kUnavailable, "the log ends before offset " + std::to_string(end.value),
                 "log-moved-backwards");
  }

  static Status FoldOne(FoldBatch& batch, const PartitionKey& key, StoredRecord record,
                        PartitionState* state, const std::function<Status(TopicRecord)>& visit) {
    BITACORA_ASSIGN_OR_RETURN(const std::optional<FoldStep> step, batch.Fold(key, record, state));
    if (!step) {
      return Error(
          ErrorCode::kUnavailable,
          "the record at offset " + std::to_string(record.offset.value) + " needs a newer Bitacora",
          "needs-newer-bitacora");
    }
    if (step->verdict != Verdict::kAdmitted) return {};
    TopicRecord admitted;
    admitted.partition = Partition(key.partition);
    admitted.first_version = step->remembered.first_version;
    admitted.count = step->remembered.count;
    admitted.record = std::move(record);
    return visit(std::move(admitted));
  }

  Log& log_;
  const std::unique_ptr<LogReader> reader_;
  const std::unique_ptr<StateDb> state_;
  std::map<TopicName, std::uint32_t> numbers_;
};

}  // namespace

Result<std::unique_ptr<Replay>> Replay::Open(Log& log, const std::string& scratch_directory) {
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> reader, log.NewReader());
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<StateDb> state,
                            StateDb::Open(scratch_directory, log.id(), false));
  return std::unique_ptr<Replay>(
      std::make_unique<ReplayImpl>(log, std::move(reader), std::move(state)));
}

}  // namespace bitacora::event_store
