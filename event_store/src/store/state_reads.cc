// What the state tells of streams and of admitted records.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/encoding.h>

#include "src/record_codec.h"
#include "src/shared_copies.h"
#include "src/store/state_db.h"
#include "src/store/state_db_impl.h"

namespace bitacora::event_store {
namespace {

constexpr Version kLastVersion{INT64_MAX};
constexpr std::size_t kCopyExpected = 512;  ///< Bytes of a record.

/// A run of admitted records.
struct Run {
  Offset first;
  AdmittedRow row;
  std::vector<std::size_t> copy_begins;       ///< By entry, in `copies`.
  std::shared_ptr<const std::string> copies;  ///< Null where there are none, or they are gone.
  std::vector<StoredRecord> from_log;         ///< By entry, where they are gone.

  /// All of them, one behind the other.
  void UseCopies(std::shared_ptr<const std::string> all) {
    copies = std::move(all);
    std::size_t begin = 0;
    for (const AdmittedEntry& entry : row.entries) {
      copy_begins.push_back(begin);
      begin += entry.copy_bytes;
    }
  }
};

/// Without its records.
Result<Run> ReadRow(std::string_view key, std::string_view value) {
  Decoder first(key.substr(PartitionPrefix({}).size()));
  Run run;
  run.first = Offset(static_cast<std::int64_t>(first.BigEndian64()));
  auto row = DecodeAdmittedRow(run.first, value);
  if (!first.done() || !row) return StateDamaged("admitted records");
  run.row = *std::move(row);
  return run;
}

/// `copies`: null where records are not copied.
Result<Run> ReadRun(const RecordCopies* copies, std::string_view key, std::string_view value,
                    const StateDb::FromLog& from_log) {
  BITACORA_ASSIGN_OR_RETURN(Run run, ReadRow(key, value));
  if (copies == nullptr) return run;
  if (run.row.copies_at) {
    std::size_t bytes = 0;
    for (const AdmittedEntry& entry : run.row.entries) bytes += entry.copy_bytes;
    if (auto read = copies->Read(*run.row.copies_at, key, bytes)) {
      run.UseCopies(std::make_shared<const std::string>(*std::move(read)));
      return run;
    }
  }
  std::vector<Offset> offsets;
  offsets.reserve(run.row.entries.size());
  for (const AdmittedEntry& entry : run.row.entries) offsets.push_back(entry.offset);
  BITACORA_ASSIGN_OR_RETURN(run.from_log, from_log(offsets));
  if (run.from_log.size() != offsets.size()) return StateDamaged("copied record");
  return run;
}

/// A run that is not written, with the copies that it has in memory.
Result<Run> RunOf(const std::shared_ptr<const AdmittedRun>& unwritten, bool copies) {
  Run run;
  run.first = unwritten->first();
  auto row = DecodeAdmittedRow(run.first, unwritten->Encode(std::nullopt));
  if (!row) return StateDamaged("admitted records");
  run.row = *std::move(row);
  if (copies) run.UseCopies({unwritten, &unwritten->copies()});
  return run;
}

/// The record of an entry: with the bytes of the whole run or, where `apart` is given, with a copy
/// of its own there.
Result<StoredRecord> RecordOf(const Run& run, std::size_t entry, SharedCopies* apart = nullptr) {
  if (!run.copies) return run.from_log[entry];
  const AdmittedEntry& of = run.row.entries[entry];
  SharedCopies::Copy copy{
      std::string_view(*run.copies).substr(run.copy_begins[entry], of.copy_bytes), run.copies};
  if (apart != nullptr) copy = apart->Add(copy.bytes);
  auto record = DecodeRecord(of.offset, copy.bytes, std::move(copy.owner));
  if (!record) return StateDamaged("copied record");
  return *std::move(record);
}

}  // namespace

// ---- StreamAppends

StreamAppends::StreamAppends(const StateDb::Impl& state, std::string stream_prefix)
    : unwritten_(state.UnwrittenOf(stream_prefix)),
      rows_(state, StateDb::Impl::kPlaces, stream_prefix,
            unwritten_.empty()
                ? std::nullopt
                : std::optional(PlaceKey(stream_prefix, unwritten_.front().first_version))) {}

void StreamAppends::SeekForPrev(Version from) {
  const auto behind = std::upper_bound(
      unwritten_.begin(), unwritten_.end(), from,
      [](Version version, const StreamAppend& append) { return version < append.first_version; });
  in_rows_ = behind == unwritten_.begin();
  if (in_rows_) {
    rows_->SeekForPrev(PlaceKey(rows_.prefix(), from));
  } else {
    at_ = static_cast<std::size_t>(behind - unwritten_.begin()) - 1;
  }
}

void StreamAppends::Next() {
  if (!in_rows_) {
    ++at_;
    return;
  }
  rows_->Next();
  if (rows_->Valid() || !rows_->status().ok()) return;
  in_rows_ = false;
  at_ = 0;
}

void StreamAppends::Prev() {
  if (in_rows_) {
    rows_->Prev();
  } else if (at_ > 0) {
    --at_;
  } else {
    in_rows_ = true;
    rows_->SeekToLast();
  }
}

Result<StreamAppend> StreamAppends::Get() const {
  if (!in_rows_) return unwritten_[at_];
  Decoder key(ToView(rows_->key()).substr(rows_.prefix().size()));
  const Version first_version(static_cast<std::int64_t>(key.BigEndian64()));
  const auto place = DecodeAppendPlace(ToView(rows_->value()));
  if (!key.done() || !place) return StateDamaged("place of an append");
  return StreamAppend{first_version, *place};
}

Result<std::optional<StreamAppend>> StreamAppends::Last() {
  SeekForPrev(kLastVersion);
  BITACORA_RETURN_IF_ERROR(status());
  if (!Valid()) return std::optional<StreamAppend>();
  BITACORA_ASSIGN_OR_RETURN(const StreamAppend last, Get());
  return std::optional(last);
}

// ---- StateDb

Result<std::optional<Version>> StateDb::ScanStream(
    const PartitionKey& partition, std::string_view stream, const StreamScan& scan,
    const std::function<bool(const StreamAppend&)>& visit) const {
  StreamAppends appends(*impl_, StreamPrefix(partition, stream));
  const Version from = scan.from.value_or(scan.backwards ? kLastVersion : Version(0));
  // The head is the end of the last append: the first one met backwards from the head, the last one
  // met forwards. Only where the scan does not get there it has to be looked for.
  std::optional<Version> head;
  bool stopped = false;
  // The append that holds `from` is the last whose first version is not beyond it.
  for (appends.SeekForPrev(from); appends.Valid();
       scan.backwards ? appends.Prev() : appends.Next()) {
    BITACORA_ASSIGN_OR_RETURN(const StreamAppend append, appends.Get());
    if (!scan.backwards || (!scan.from && !head)) head = append.last_version();
    if (!scan.backwards && append.last_version() < from) break;  // Beyond the end.
    if (!visit(append)) {
      stopped = true;
      break;
    }
  }
  BITACORA_RETURN_IF_ERROR(appends.status());
  if (head && (scan.backwards || !stopped)) return head;
  BITACORA_ASSIGN_OR_RETURN(const auto last, appends.Last());
  return last ? std::optional(last->last_version()) : std::nullopt;
}

Status StateDb::ScanAdmitted(const PartitionKey& partition, Offset from, const FromLog& from_log,
                             const std::function<bool(Admitted)>& visit) const {
  Unwritten::Runs unwritten;  // Before the rows: between, they may become some of them.
  impl_->VisitUnwritten([&](const Unwritten& of) { of.RunsFrom(partition, from, &unwritten); });
  bool more = true;
  const auto visit_run = [&](const Run& run) -> Status {
    for (std::size_t i = 0; more && i < run.row.entries.size(); ++i) {
      const AdmittedEntry& entry = run.row.entries[i];
      if (entry.offset < from) continue;
      Admitted admitted{entry.offset, entry.first_version, entry.count, std::nullopt};
      if (copy_records_) {
        BITACORA_ASSIGN_OR_RETURN(admitted.record, RecordOf(run, i));
      }
      more = visit(std::move(admitted));
    }
    return {};
  };
  // Followers who are near the end need no rows.
  if (unwritten.empty() || from < unwritten.front()->first()) {
    const PrefixRows rows(*impl_, Impl::kAdmitted, PartitionPrefix(partition),
                          unwritten.empty()
                              ? std::nullopt
                              : std::optional(AdmittedKey(partition, unwritten.front()->first())));
    // The run that holds `from` is the last that does not begin behind it.
    rows->SeekForPrev(AdmittedKey(partition, from));
    if (!rows->Valid()) rows->SeekToFirst();
    for (; more && rows->Valid(); rows->Next()) {
      BITACORA_ASSIGN_OR_RETURN(const Run run, ReadRun(impl_->copies.get(), ToView(rows->key()),
                                                       ToView(rows->value()), from_log));
      BITACORA_RETURN_IF_ERROR(visit_run(run));
    }
    BITACORA_RETURN_IF_ERROR(FromState(rows->status()));
  }
  for (auto run = unwritten.begin(); more && run != unwritten.end(); ++run) {
    BITACORA_ASSIGN_OR_RETURN(const Run read, RunOf(*run, copy_records_));
    BITACORA_RETURN_IF_ERROR(visit_run(read));
  }
  return {};
}

Result<std::vector<StoredRecord>> StateDb::CopiedRecords(const PartitionKey& partition,
                                                         std::span<const AppendPlace> places,
                                                         const FromLog& from_log) const {
  // Of places in order, those of one run stand together: each run is read once.
  std::vector<Offset> firsts;
  for (const AppendPlace& place : places) {
    if (firsts.empty() || firsts.back() != place.run) firsts.push_back(place.run);
  }
  std::vector<std::shared_ptr<const AdmittedRun>> unwritten(firsts.size());
  impl_->VisitUnwritten([&](const Unwritten& of) {
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      if (!unwritten[i]) unwritten[i] = of.FindRun(partition, firsts[i]);
    }
  });
  std::vector<std::string> keys;  // Of those that are written.
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    if (!unwritten[i]) keys.push_back(AdmittedKey(partition, firsts[i]));
  }
  BITACORA_ASSIGN_OR_RETURN(const std::vector<rocksdb::PinnableSlice> rows,
                            impl_->GetEach(Impl::kAdmitted, keys));
  std::vector<StoredRecord> records;
  records.reserve(places.size());
  SharedCopies copies(places.size() * kCopyExpected);
  Run run;
  std::size_t next = 0;
  std::size_t row = 0;
  for (const AppendPlace& place : places) {
    if (next == 0 || run.first != place.run) {
      if (unwritten[next]) {
        BITACORA_ASSIGN_OR_RETURN(run, RunOf(unwritten[next], true));
      } else {
        BITACORA_ASSIGN_OR_RETURN(
            run, ReadRun(impl_->copies.get(), keys[row], ToView(rows[row]), from_log));
        ++row;
      }
      ++next;
    }
    const auto& entries = run.row.entries;
    const auto entry = std::find_if(
        entries.begin(), entries.end(),
        [&](const AdmittedEntry& candidate) { return candidate.offset == place.offset; });
    if (entry == entries.end()) return StateDamaged("copied record");
    BITACORA_ASSIGN_OR_RETURN(
        StoredRecord record,
        RecordOf(run, static_cast<std::size_t>(entry - entries.begin()), &copies));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace bitacora::event_store
