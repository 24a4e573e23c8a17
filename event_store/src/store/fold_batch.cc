#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>

#include "src/record_codec.h"
#include "src/store/state_db_impl.h"

namespace bitacora::event_store {
namespace {

/// About 8 MiB of a fold thread, with names of usual length.
constexpr std::size_t kHeadsKept = 65'536;

}  // namespace

struct FoldBatch::Impl final : StreamLookup {
  explicit Impl(StateDb& state_) : state(state_) {}

  std::optional<Version> Head(std::string_view stream) override {
    const std::string key = StreamPrefix(partition, stream);
    if (const auto found = heads.find(key); found != heads.end()) return found->second;
    const std::optional<Version> head = Checked(state.impl_->Head(key));
    if (head) heads.emplace(key, *head);
    return head;
  }

  std::optional<Remembered> Find(std::string_view stream, std::string_view append_id) override {
    const std::string key = AppendKey(partition, stream, append_id);
    if (IsNewerThanAll(TimedIdOf(key))) return std::nullopt;
    if (const auto found = appends.find(key); found != appends.end()) return found->second;
    return Checked(state.impl_->Find(key));
  }

  /// Whether no id by time that is known in the partition is as late. Nearly all that are folded
  /// are, and need not be looked for.
  bool IsNewerThanAll(std::string_view timed_id) {
    if (timed_id.empty()) return false;
    const auto [newest, unknown] = newest_ids.try_emplace(partition);
    if (unknown) {
      const PrefixRows ids(*state.impl_, StateDb::Impl::kAppends, TimedIdPrefix(partition));
      ids->SeekToLast();
      if (ids->Valid()) newest->second = TimedIdOf(ToView(ids->key()));
      if (!ids->status().ok()) {
        failed = FromState(ids->status());
        newest_ids.erase(newest);
        return false;
      }
    }
    return timed_id > newest->second;
  }

  template <typename T>
  std::optional<T> Checked(Result<std::optional<T>> result) {
    if (result.ok()) return *std::move(result);
    failed = result.status();
    return std::nullopt;
  }

  void Apply(const StoredRecord& record, const FoldStep& step) {
    const auto& handles = state.impl_->handles;
    std::string append = AppendKey(partition, step.attempt.stream, step.attempt.append_id);
    if (!Mutated(Promise::kP5)) {
      batch.Put(handles[StateDb::Impl::kAppends], append, EncodeRemembered(step.remembered));
    }
    if (IsNewerThanAll(TimedIdOf(append))) newest_ids[partition] = TimedIdOf(append);
    appends.insert_or_assign(std::move(append), step.remembered);
    if (step.verdict != Verdict::kAdmitted) return;

    std::string stream = StreamPrefix(partition, step.attempt.stream);
    heads.insert_or_assign(stream, *step.remembered.head);
    PutBigEndian64(&stream, static_cast<std::uint64_t>(step.remembered.first_version.value));
    places.emplace_back(std::move(stream), EncodeAppendPlace({record.offset, step.remembered.count,
                                                              AddToRun(record, step.remembered)}));
  }

  /// Returns the run's first offset.
  Offset AddToRun(const StoredRecord& record, const Remembered& remembered) {
    AdmittedRun& run = runs.try_emplace(partition, record.offset).first->second;
    const Offset first = run.first();
    const std::string copy = state.copies_records() ? EncodeRecord(record) : std::string();
    run.Add({record.offset, remembered.first_version, remembered.count, copy.size()}, copy);
    if (run.full()) {
      ended.emplace_back(partition, std::move(run));
      runs.erase(partition);
    }
    return first;
  }

  /// Records that are larger than any of ours stay in the log alone.
  bool HasCopies(const AdmittedRun& run) const {
    return state.copies_records() && run.copies().size() <= RecordCopies::kRunBytesMax;
  }

  /// Ends all runs and puts their rows. The copies are written first: a row names no place where
  /// there is nothing.
  Status PutRuns() {
    for (auto& [at, run] : runs) ended.emplace_back(at, std::move(run));
    runs.clear();
    const auto taken = std::exchange(ended, {});
    std::vector<RecordCopies::Run> copies;
    for (const auto& [at, run] : taken) {
      if (HasCopies(run)) copies.push_back({AdmittedKey(at, run.first()), run.copies()});
    }
    std::vector<CopyPlace> copied;
    if (!copies.empty()) {
      BITACORA_ASSIGN_OR_RETURN(copied, state.impl_->copies->Write(copies));
    }
    auto place = copied.begin();
    for (const auto& [at, run] : taken) {
      batch.Put(state.impl_->handles[StateDb::Impl::kAdmitted], AdmittedKey(at, run.first()),
                run.Encode(HasCopies(run) ? std::optional(*place++) : std::nullopt));
    }
    return {};
  }

  /// In the order of their keys: RocksDB then looks for each from where it put the one before.
  void PutPlaces() {
    std::sort(places.begin(), places.end());
    for (const auto& [key, value] : places) {
      batch.Put(state.impl_->handles[StateDb::Impl::kPlaces], key, value);
    }
    places.clear();
  }

  StateDb& state;
  PartitionKey partition;
  Status failed;
  rocksdb::WriteBatch batch;
  std::vector<std::pair<std::string, std::string>> places;
  std::map<PartitionKey, AdmittedRun> runs;  // Those that may still grow.
  std::vector<std::pair<PartitionKey, AdmittedRun>> ended;
  // What this batch changed and RocksDB does not show yet. Heads stay for the batches behind it:
  // they change here only, and a look-up costs more than all else in a fold.
  std::unordered_map<std::string, Version> heads;
  std::unordered_map<std::string, Remembered> appends;
  /// The latest id by time, or a later one. Stays for the batches behind it, as heads do.
  std::map<PartitionKey, std::string> newest_ids;
};

FoldBatch::FoldBatch(StateDb& state) : impl_(std::make_unique<Impl>(state)) {}
FoldBatch::~FoldBatch() = default;

Result<std::optional<FoldStep>> FoldBatch::Fold(const PartitionKey& key, const StoredRecord& record,
                                                PartitionState* partition_state) {
  impl_->partition = key;
  const Chain before = partition_state->fold.chain;
  std::optional<FoldStep> step =
      FoldRecord(record, Partition(key.partition), &partition_state->fold, *impl_);
  BITACORA_RETURN_IF_ERROR(impl_->failed);
  if (!step) return std::optional<FoldStep>();
  if (step->verdict == Verdict::kAdmitted || step->verdict == Verdict::kConflict) {
    impl_->Apply(record, *step);
  }
  partition_state->chain_before_last = before;
  partition_state->last = record.offset;
  return step;
}

void FoldBatch::Save(const PartitionKey& key, const PartitionState& partition_state) {
  impl_->batch.Put(impl_->state.impl_->handles[StateDb::Impl::kMeta], PartitionStateKey(key),
                   EncodePartitionState(partition_state));
}

Status FoldBatch::Commit() {
  impl_->PutPlaces();
  Status written = impl_->PutRuns();
  if (written.ok()) {
    written = FromState(impl_->state.impl_->db->Write(rocksdb::WriteOptions(), &impl_->batch));
  } else {
    LogError("the copies of records failed", {{"error", written.error().message()}});
    written = StateUnavailable();
  }
  impl_->batch.Clear();
  if (!written.ok() || impl_->heads.size() > kHeadsKept) impl_->heads.clear();
  if (!Mutated(Promise::kP5)) impl_->appends.clear();
  return written;
}

}  // namespace bitacora::event_store
