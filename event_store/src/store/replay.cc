#include <map>
#include <utility>

#include <bitacora/event_store/replay.h>

#include "src/store/state_db.h"

namespace bitacora::event_store {
namespace {

constexpr std::size_t kRecordsPerBatch = 2000;

class ReplayImpl final : public Replay {
 public:
  ReplayImpl(Log& log, std::unique_ptr<StateDb> state) : log_(log), state_(std::move(state)) {}

  Result<Summary> Run(const TopicPartition& at, Offset end,
                      const std::function<Status(TopicRecord)>& visit,
                      const std::function<void(std::int64_t)>& progress) override {
    const auto [numbered, is_new] =
        numbers_.try_emplace(at.topic, static_cast<std::uint32_t>(numbers_.size() + 1));
    const PartitionKey key{numbered->second, at.partition.value};
    PartitionState state;
    Summary summary;
    FoldBatch batch(*state_);
    BITACORA_ASSIGN_OR_RETURN(Offset from, log_.Earliest(at));
    while (from < end) {
      BITACORA_ASSIGN_OR_RETURN(Log::Fetched fetched,
                                log_.Fetch(at, from, {kRecordsPerBatch, 8u << 20}));
      for (StoredRecord& record : fetched.records) {
        if (record.offset >= end) break;
        ++summary.records;
        BITACORA_RETURN_IF_ERROR(FoldOne(batch, key, std::move(record), &state, visit));
      }
      batch.Save(key, state);
      BITACORA_RETURN_IF_ERROR(batch.Commit());
      progress(summary.records);
      if (fetched.at_end && fetched.next < end) {
        return Error(ErrorCode::kUnavailable,
                     "the log ends before offset " + std::to_string(end.value),
                     "log-moved-backwards");
      }
      from = fetched.next;
    }
    summary.events = state.fold.events;
    return summary;
  }

 private:
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
  const std::unique_ptr<StateDb> state_;
  std::map<TopicName, std::uint32_t> numbers_;
};

}  // namespace

Result<std::unique_ptr<Replay>> Replay::Open(Log& log, const std::string& scratch_directory) {
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<StateDb> state,
                            StateDb::Open(scratch_directory, log.id(), false));
  return std::unique_ptr<Replay>(std::make_unique<ReplayImpl>(log, std::move(state)));
}

}  // namespace bitacora::event_store
