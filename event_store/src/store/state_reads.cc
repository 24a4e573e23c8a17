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
  std::size_t bytes = 0;
  for (const AdmittedEntry& entry : run.row.entries) {
    run.copy_begins.push_back(bytes);
    bytes += entry.copy_bytes;
  }
  if (run.row.copies_at) {
    if (auto read = copies->Read(*run.row.copies_at, key, bytes)) {
      run.copies = std::make_shared<const std::string>(*std::move(read));
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

Result<std::optional<Version>> StateDb::ScanStream(
    const PartitionKey& partition, std::string_view stream, const StreamScan& scan,
    const std::function<bool(const StreamAppend&)>& visit) const {
  const PrefixRows places(*impl_, Impl::kPlaces, StreamPrefix(partition, stream));
  const Version from = scan.from.value_or(scan.backwards ? kLastVersion : Version(0));
  std::string start = places.prefix();
  PutBigEndian64(&start, static_cast<std::uint64_t>(from.value));
  // The head is the end of the last append: the first one met backwards from the head, the last one
  // met forwards. Only where the scan does not get there it has to be looked for.
  std::optional<Version> head;
  bool stopped = false;
  // The append that holds `from` is the last whose first version is not beyond it.
  for (places->SeekForPrev(start); places->Valid();
       scan.backwards ? places->Prev() : places->Next()) {
    BITACORA_ASSIGN_OR_RETURN(const StreamAppend append, ReadPlace(places));
    if (!scan.backwards || (!scan.from && !head)) head = append.last_version();
    if (!scan.backwards && append.last_version() < from) break;  // Beyond the end.
    if (!visit(append)) {
      stopped = true;
      break;
    }
  }
  BITACORA_RETURN_IF_ERROR(FromState(places->status()));
  if (head && (scan.backwards || !stopped)) return head;
  BITACORA_ASSIGN_OR_RETURN(const auto last, LastAppend(places));
  return last ? std::optional(last->last_version()) : std::nullopt;
}

Status StateDb::ScanAdmitted(const PartitionKey& partition, Offset from, const FromLog& from_log,
                             const std::function<bool(Admitted)>& visit) const {
  const PrefixRows runs(*impl_, Impl::kAdmitted, PartitionPrefix(partition));
  // The run that holds `from` is the last that does not begin behind it.
  runs->SeekForPrev(AdmittedKey(partition, from));
  if (!runs->Valid()) runs->SeekToFirst();
  for (bool more = true; more && runs->Valid(); runs->Next()) {
    BITACORA_ASSIGN_OR_RETURN(const Run run, ReadRun(impl_->copies.get(), ToView(runs->key()),
                                                     ToView(runs->value()), from_log));
    for (std::size_t i = 0; more && i < run.row.entries.size(); ++i) {
      const AdmittedEntry& entry = run.row.entries[i];
      if (entry.offset < from) continue;
      Admitted admitted{entry.offset, entry.first_version, entry.count, std::nullopt};
      if (copy_records_) {
        BITACORA_ASSIGN_OR_RETURN(admitted.record, RecordOf(run, i));
      }
      more = visit(std::move(admitted));
    }
  }
  return FromState(runs->status());
}

Result<std::vector<StoredRecord>> StateDb::CopiedRecords(const PartitionKey& partition,
                                                         std::span<const AppendPlace> places,
                                                         const FromLog& from_log) const {
  // Of places in order, those of one run stand together: each run is read once.
  std::vector<std::string> keys;
  for (const AppendPlace& place : places) {
    std::string key = AdmittedKey(partition, place.run);
    if (keys.empty() || keys.back() != key) keys.push_back(std::move(key));
  }
  BITACORA_ASSIGN_OR_RETURN(const std::vector<rocksdb::PinnableSlice> rows,
                            impl_->GetEach(Impl::kAdmitted, keys));
  std::vector<StoredRecord> records;
  records.reserve(places.size());
  SharedCopies copies(places.size() * kCopyExpected);
  Run run;
  std::size_t row = 0;
  for (const AppendPlace& place : places) {
    if (run.row.entries.empty() || run.first != place.run) {
      BITACORA_ASSIGN_OR_RETURN(
          run, ReadRun(impl_->copies.get(), keys[row], ToView(rows[row]), from_log));
      ++row;
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
