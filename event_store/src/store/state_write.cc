// How what folds have committed gets into RocksDB.
#include <algorithm>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/thread.h>

#include "src/store/state_db_impl.h"

namespace bitacora::event_store {
namespace {

/// With so much the thread does not wait any longer. More would cost no less.
constexpr std::size_t kRecordsEnough = 2'048;
constexpr std::size_t kBytesEnough = 4u << 20;
/// With so many times enough whoever commits writes it, and waits for that. So a start after a kill
/// folds no more than this anew, what was being written, and two batches.
constexpr std::size_t kTooMuch = 2;

bool IsEnough(const Unwritten& unwritten, std::size_t times = 1) {
  return unwritten.records() >= times * kRecordsEnough ||
         unwritten.copied_bytes() >= times * kBytesEnough;
}

/// In the order of their keys: RocksDB then looks for each from where it put the one before.
template <typename Map>
std::vector<const typename Map::value_type*> InOrder(const Map& rows) {
  std::vector<const typename Map::value_type*> sorted;
  sorted.reserve(rows.size());
  for (const auto& row : rows) sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* one, const auto* other) { return one->first < other->first; });
  return sorted;
}

/// Writes the copies of runs' records. A place for each run; nothing where it has none.
Result<std::vector<std::optional<CopyPlace>>> WriteCopies(RecordCopies& copies,
                                                          const Unwritten& taken) {
  std::vector<RecordCopies::Run> written;
  std::vector<std::optional<CopyPlace>> places;
  for (const auto& [partition, runs] : taken.runs()) {
    for (const auto& run : runs) {
      // Records that are larger than any of ours stay in the log alone.
      const bool fits = run->copies().size() <= RecordCopies::kRunBytesMax;
      places.push_back(fits ? std::optional(CopyPlace()) : std::nullopt);
      if (fits) written.push_back({AdmittedKey(partition, run->first()), run->copies()});
    }
  }
  BITACORA_ASSIGN_OR_RETURN(const std::vector<CopyPlace> at, copies.Write(written));
  auto next = at.begin();
  for (auto& place : places) {
    if (place) place = *next++;
  }
  return places;
}

}  // namespace

Status StateDb::Impl::Add(Unwritten::Changes changes) {
  MutexLock lock(unwritten_mu);  // Behind `changes`: what is left of them is dropped without it.
  if (!written.ok()) return written;
  const bool first = unwritten.empty();
  unwritten.Add(changes);
  CountWaiting();
  if (first || IsEnough(unwritten)) unwritten_changed.notify_one();
  return {};
}

void StateDb::Impl::CountWaiting() {
  if (waiting == nullptr) return;
  const std::size_t records = (being_written ? being_written->records() : 0) + unwritten.records();
  waiting->Set(static_cast<double>(records));
}

bool StateDb::Impl::HasTooMuch() const {
  MutexLock lock(unwritten_mu);
  return IsEnough(unwritten, kTooMuch);
}

Unwritten::Stream StateDb::Impl::UnwrittenOf(const std::string& stream_prefix) const {
  Unwritten::Stream appends;
  VisitUnwritten([&](const Unwritten& of) {
    const auto found = of.streams().find(stream_prefix);
    if (found == of.streams().end()) return;
    appends.insert(appends.end(), found->second.begin(), found->second.end());
  });
  return appends;
}

Status StateDb::Impl::Put(const Unwritten& taken) const {
  rocksdb::WriteBatch batch;
  for (const auto* append : InOrder(taken.appends())) {
    if (Mutated(Promise::kP5)) break;
    batch.Put(handles[kAppends], append->first, EncodeRemembered(append->second));
  }
  for (const auto* stream : InOrder(taken.streams())) {
    for (const StreamAppend& append : stream->second) {
      batch.Put(handles[kPlaces], PlaceKey(stream->first, append.first_version),
                EncodeAppendPlace(append.place));
    }
  }
  // The copies are written first: a row names no place where there is nothing.
  std::vector<std::optional<CopyPlace>> copied;
  if (copies) {
    auto written_copies = WriteCopies(*copies, taken);
    if (!written_copies.ok()) {
      LogError("the copies of records failed", {{"error", written_copies.error().message()}});
      return StateUnavailable();
    }
    copied = *std::move(written_copies);
  }
  auto place = copied.begin();
  for (const auto& [partition, runs] : taken.runs()) {
    for (const auto& run : runs) {
      batch.Put(handles[kAdmitted], AdmittedKey(partition, run->first()),
                run->Encode(copies ? *place++ : std::nullopt));
    }
  }
  for (const auto& [partition, fold] : taken.folds()) {
    batch.Put(handles[kMeta], PartitionStateKey(partition), EncodePartitionState(fold));
  }
  return FromState(db->Write(rocksdb::WriteOptions(), &batch));
}

void StateDb::Impl::RunWriter(StateDb& state, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(unwritten_mu);
      while (!stop.stop_requested() && unwritten.empty()) lock.Wait(unwritten_changed);
      const Deadline due = SystemClock().Now() + kWriteWithin;
      while (!stop.stop_requested() && !IsEnough(unwritten) &&
             lock.WaitUntil(unwritten_changed, due)) {
      }
    }
    if (!state.Write().ok()) return;  // Whoever commits next hears of it.
  }
}

void StateDb::WriteBehind(Gauge& waiting) {
  {
    MutexLock lock(impl_->unwritten_mu);
    impl_->waiting = &waiting;
  }
  impl_->writer = StartThread(
      "state-writer", [this](const std::stop_token& stop) { impl_->RunWriter(*this, stop); });
}

StateDb::~StateDb() {
  if (impl_->writer.joinable()) {
    {
      MutexLock lock(impl_->unwritten_mu);
      impl_->writer.request_stop();
    }
    impl_->unwritten_changed.notify_all();
    impl_->writer.join();
  }
  (void)Write();  // It has been logged; what is missing is folded again.
}

Status StateDb::Write() {
  MutexLock writing(impl_->write_mu);
  std::shared_ptr<const Unwritten> taken;
  {
    MutexLock lock(impl_->unwritten_mu);
    if (!impl_->written.ok() || impl_->unwritten.empty()) return impl_->written;
    taken = std::make_shared<const Unwritten>(std::exchange(impl_->unwritten, {}));
    impl_->being_written = taken;
  }
  const Status put = impl_->Put(*taken);
  MutexLock lock(impl_->unwritten_mu);
  if (put.ok()) {
    impl_->being_written.reset();
    impl_->CountWaiting();
  } else {
    impl_->written = put;
  }
  return put;
}

Status StateDb::Written() const {
  MutexLock lock(impl_->unwritten_mu);
  return impl_->written;
}

}  // namespace bitacora::event_store
