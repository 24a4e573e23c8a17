#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

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
    const auto found = changes.appends.find(key);
    if (found != changes.appends.end()) return found->second;
    return Checked(state.impl_->Find(key));
  }

  /// Whether no id by time that is known in the partition is as late. Nearly all that are folded
  /// are, and need not be looked for.
  bool IsNewerThanAll(std::string_view timed_id) {
    if (timed_id.empty()) return false;
    auto newest = newest_ids.find(partition);
    if (newest == newest_ids.end()) {
      auto found = ReadNewestId();
      if (!found.ok()) {
        failed = found.status();
        return false;
      }
      newest = newest_ids.emplace(partition, *std::move(found)).first;
    }
    return timed_id > newest->second;
  }

  Result<std::string> ReadNewestId() {
    BITACORA_RETURN_IF_ERROR(state.Write());  // All of them are rows then.
    const PrefixRows ids(*state.impl_, StateDb::Impl::kAppends, TimedIdPrefix(partition));
    ids->SeekToLast();
    BITACORA_RETURN_IF_ERROR(FromState(ids->status()));
    return ids->Valid() ? std::string(TimedIdOf(ToView(ids->key()))) : std::string();
  }

  template <typename T>
  std::optional<T> Checked(Result<std::optional<T>> result) {
    if (result.ok()) return *std::move(result);
    failed = result.status();
    return std::nullopt;
  }

  void Apply(const StoredRecord& record, const FoldStep& step) {
    const Remembered& remembered = step.remembered;
    std::string append = AppendKey(partition, step.attempt.stream, step.attempt.append_id);
    if (IsNewerThanAll(TimedIdOf(append))) newest_ids[partition] = TimedIdOf(append);
    changes.appends.insert_or_assign(std::move(append), remembered);
    if (step.verdict != Verdict::kAdmitted) return;

    std::string stream = StreamPrefix(partition, step.attempt.stream);
    heads.insert_or_assign(stream, *remembered.head);
    changes.admitted.push_back({partition, std::move(stream), remembered.first_version,
                                record.offset, remembered.count,
                                state.copies_records() ? EncodeRecord(record) : std::string()});
  }

  StateDb& state;
  PartitionKey partition;
  Status failed;
  /// What this batch changed and the state does not show yet.
  Unwritten::Changes changes;
  /// Heads stay for the batches behind it: they change here only, and a look-up costs more than all
  /// else in a fold.
  std::unordered_map<std::string, Version> heads;
  /// The latest id by time, or a later one. Stays as heads do.
  std::map<PartitionKey, std::string> newest_ids;
};

FoldBatch::FoldBatch(StateDb& state) : impl_(std::make_unique<Impl>(state)) {}
FoldBatch::~FoldBatch() = default;

Result<std::optional<FoldStep>> FoldBatch::Fold(const PartitionKey& key, const StoredRecord& record,
                                                PartitionState* partition_state) {
  impl_->partition = key;
  PartitionFold& fold = partition_state->fold;
  // What a record changes that needs a look-up.
  const auto before = std::tuple(fold.next, fold.chain, fold.events, fold.attempts);
  std::optional<FoldStep> step = FoldRecord(record, Partition(key.partition), &fold, *impl_);
  if (!impl_->failed.ok()) {
    std::tie(fold.next, fold.chain, fold.events, fold.attempts) = before;
    Error error = impl_->failed.error();
    impl_->failed = {};
    return error;
  }
  if (!step) return std::optional<FoldStep>();
  if (step->verdict == Verdict::kAdmitted || step->verdict == Verdict::kConflict) {
    impl_->Apply(record, *step);
  }
  partition_state->chain_before_last = std::get<Chain>(before);
  partition_state->last = record.offset;
  return step;
}

void FoldBatch::Save(const PartitionKey& key, const PartitionState& partition_state) {
  impl_->changes.folds[key] = partition_state;
}

Status FoldBatch::Commit() {
  StateDb& state = impl_->state;
  Status committed = state.impl_->Add(std::exchange(impl_->changes, {}));
  // Where that fails, the next commit does: this one can be seen.
  if (committed.ok() && state.impl_->HasTooMuch()) (void)state.Write();
  if (!committed.ok() || impl_->heads.size() > kHeadsKept) impl_->heads.clear();
  return committed;
}

}  // namespace bitacora::event_store
