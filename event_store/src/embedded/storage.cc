#include "src/embedded/storage.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/rocksdb_log.h>
#include <bitacora/base/uuid.h>

#include "src/embedded/verify.h"
#include "src/record_codec.h"
#include "src/rocks_status.h"

namespace bitacora::event_store::embedded {
namespace {

constexpr std::size_t kMiB = 1u << 20;

std::string DatabaseIn(const std::string& directory) { return directory + "/rocksdb"; }
std::string WitnessIn(const std::string& directory) { return directory + "/WITNESS"; }

/// Whether RocksDB left files there that it makes only in a database that was opened once.
bool HoldsRecords(const std::string& db_directory) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(db_directory, error)) {
    const auto kind = file.path().extension();
    if (kind == ".sst" || kind == ".blob" || kind == ".log") return true;
  }
  return false;
}

/// Remembers which write-ahead log RocksDB could not read: it says so to its logger, and its Status
/// has only the reason.
class DamagedFile final : public rocksdb::Logger {
 public:
  DamagedFile() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1024> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    // "[…] PATH: dropping N bytes; REASON"
    const std::string_view line(text.data());
    const std::size_t end = line.find(": dropping ");
    if (end == std::string_view::npos) return;
    const std::size_t slash = line.rfind('/', end);
    MutexLock lock(mu_);
    if (slash != std::string_view::npos) name_ = line.substr(slash + 1, end - slash - 1);
  }
  /// Without its directory; empty: none was named.
  std::string name() const {
    MutexLock lock(mu_);
    return name_;
  }

 private:
  mutable Mutex mu_;
  std::string name_ GUARDED_BY(mu_);
};

/// By the call that takes column families. The simple one opens a log of a single table as a
/// "compacted" database, whose Get finds no key that has its value in a blob file (7.8.3).
rocksdb::Status OpenForReading(const rocksdb::Options& options, const std::string& path,
                               rocksdb::DB** db) {
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(
      options, path, {{rocksdb::kDefaultColumnFamilyName, options}}, &families, db);
  for (rocksdb::ColumnFamilyHandle* family : families) (*db)->DestroyColumnFamilyHandle(family);
  return opened;
}

Error DamagedRecord(TopicNumber topic, Partition partition, Offset offset, std::string_view what) {
  return Error(ErrorCode::kCorruption,
               "the log is damaged: the record at topic number " + std::to_string(topic.value) +
                   ", partition " + std::to_string(partition.value) + ", offset " +
                   std::to_string(offset.value) + " " + std::string(what),
               "log-damaged");
}

/// Of a log that was open already: this may reach clients, so RocksDB's words and the damaged
/// file's name go to the program's own log.
Error CannotRead(const rocksdb::Status& status, TopicNumber topic, Partition partition,
                 Offset offset) {
  const Error error = FromRocks(status, "read the log");
  LogError("a record cannot be read", {{"topic_number", std::int64_t{topic.value}},
                                       {"partition", std::int64_t{partition.value}},
                                       {"offset", offset.value},
                                       {"error", error.message()}});
  if (error.code() == ErrorCode::kCorruption) {
    return DamagedRecord(topic, partition, offset, "cannot be read");
  }
  return Error(ErrorCode::kUnavailable, "the log cannot be read now", "log-unavailable");
}

/// The chain up to a record, where it is known without reading: of the first one only. The record
/// that a read begins at is otherwise RocksDB's to check.
std::optional<std::uint64_t> ChainBefore(Offset offset) {
  return offset == Offset(0) ? std::optional<std::uint64_t>(0) : std::nullopt;
}

/// Checks it against the chain before it, if that is known, and moves the chain on.
Result<StoredRecord> RecordFrom(const rocksdb::Slice& stored, const Range& range, Offset offset,
                                std::optional<std::uint64_t>* chain) {
  auto owned = std::make_shared<const std::string>(stored.data(), stored.size());
  const auto value = SplitValue(*owned);
  StoredRecord record;
  if (!value.ok() || !DecodeBody(value->body, &record)) {
    return DamagedRecord(range.topic, range.partition, offset, "is not readable");
  }
  if (*chain && value->stamp.chain !=
                    NextChain(**chain, offset, value->stamp.time_ms, DigestOfBody(value->body))) {
    return DamagedRecord(range.topic, range.partition, offset, "is not what was written");
  }
  *chain = value->stamp.chain;
  record.offset = offset;
  record.timestamp_ms = value->stamp.time_ms;
  record.bytes = std::move(owned);
  return record;
}

/// Of most writes, on one thread: so a log whose syncs are passed over still has its beginning.
bool IsPassedOver() {
  static int writes = 0;
  return ++writes % 64 != 0;
}

/// Appends to `out` what a look-up of the first record of `range` gave.
Status Take(const rocksdb::Status& got, const rocksdb::Slice& stored, const Range& range,
            std::vector<StoredRecord>* out) {
  if (got.IsNotFound()) {
    return DamagedRecord(range.topic, range.partition, range.from, "is missing");
  }
  if (!got.ok()) return CannotRead(got, range.topic, range.partition, range.from);
  std::optional<std::uint64_t> chain = ChainBefore(range.from);
  BITACORA_ASSIGN_OR_RETURN(StoredRecord record, RecordFrom(stored, range, range.from, &chain));
  out->push_back(std::move(record));
  return {};
}

Error WithPath(const Error& error, const std::string& directory) {
  return Error(error.code(), "the log in " + directory + ": " + error.message(), error.reason());
}

}  // namespace

/// Keeps the first error of RocksDB's background work.
class Storage::ErrorListener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    MutexLock lock(mu_);
    if (!error_) error_ = FromRocks(*status, "go on writing the log");
  }
  Status status() const {
    MutexLock lock(mu_);
    return error_ ? Status(*error_) : Status();
  }

 private:
  mutable Mutex mu_;
  std::optional<Error> error_ GUARDED_BY(mu_);
};

rocksdb::Options Storage::RocksOptions(bool make) {
  rocksdb::Options options;
  options.create_if_missing = make;
  options.error_if_exists = make;
  options.env = env_.get();
  options.listeners = {errors_};
  // An error is a value here, and RocksDB tries nothing on its own: see the writer's healing.
  options.max_bgerror_resume_count = 0;

  // Damage is refused: any other recovery mode drops acknowledged records silently.
  options.wal_recovery_mode = Mutated(Promise::kP11)
                                  // tidy: allow weak-recovery: it breaks the promise
                                  ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                  : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.paranoid_checks = true;
  options.recycle_log_file_num = 0;

  // Blob files: records are written twice (WAL, blob), and compaction moves keys only.
  options.enable_blob_files = true;
  options.min_blob_size = 64;
  options.blob_file_size = 256 * kMiB;
  options.compression = rocksdb::kNoCompression;

  options.write_buffer_size = 32 * kMiB;
  // Within a partition keys only grow: each is put behind the one before it, not searched for.
  options.memtable_insert_with_hint_prefix_extractor.reset(
      rocksdb::NewFixedPrefixTransform(kRecordKeyBytes - sizeof(std::uint64_t)));
  // A page of a stream looks for each of its records by itself: not where they are not, and within
  // a block not one by one. What a filter hides by mistake is answered as damage, as what is
  // missing.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.max_total_wal_size = 64 * kMiB;  // Bounds what a start replays.
  options.bytes_per_sync = kMiB;           // No flush may hold up the syncs of appends for long.
  options.max_background_jobs = 2;
  options.max_open_files = -1;  // Every table is opened, and so checked, at the start.

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(32 * kMiB);
  table.block_size = 16 * 1024;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  options.info_log = RocksLog("log");
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

Result<std::unique_ptr<Storage>> Storage::Open(const StorageOptions& options) {
  std::unique_ptr<Storage> storage(new Storage(options));
  storage->errors_ = std::make_shared<ErrorListener>();
  storage->env_ = rocksdb::NewCompositeEnv(options.file_system ? options.file_system
                                                               : rocksdb::FileSystem::Default());

  const std::string database = DatabaseIn(options.directory);
  const bool has_witness = FileExists(WitnessIn(options.directory));
  // RocksDB would make a new, empty database where CURRENT is missing.
  const bool is_new = !has_witness && !FileExists(database + "/CURRENT") && !HoldsRecords(database);
  Status opened;
  if (is_new && options.read_only) {
    opened = Error(ErrorCode::kNotFound, "there is no log");
  } else {
    opened = is_new ? storage->Make() : storage->OpenExisting();
  }
  if (!opened.ok()) return WithPath(opened.error(), options.directory);
  return storage;
}

Storage::~Storage() {
  if (!db_ || options_.read_only) return;
  if (const auto closed = db_->Close(); !closed.ok()) {
    // Nothing is lost by it: what was acknowledged was synced.
    LogWarning("the log did not close cleanly", {{"error", closed.ToString()}});
  }
}

Status Storage::OpenDatabase(bool read_only, bool make) {
  const std::string path = DatabaseIn(options_.directory);
  rocksdb::DB* db = nullptr;
  rocksdb::Options options = RocksOptions(make);
  const auto damaged_file = std::make_shared<DamagedFile>();  // Shared with RocksDB.
  if (read_only) options.info_log = damaged_file;
  const rocksdb::Status opened =
      read_only ? OpenForReading(options, path, &db) : rocksdb::DB::Open(options, path, &db);
  if (!opened.ok()) {
    const std::string file = damaged_file->name();
    Error error = FromRocks(opened, "open " + path + (file.empty() ? "" : "/" + file));
    // What exists and cannot be opened for what it holds is damaged: nothing else writes there.
    const bool damaged = error.code() == ErrorCode::kInvalidArgument ||
                         error.code() == ErrorCode::kNotFound || opened.IsPathNotFound();
    return damaged ? Error(ErrorCode::kCorruption, error.message(), "log-damaged") : error;
  }
  db_.reset(db);
  return {};
}

Status Storage::Make() {
  BITACORA_RETURN_IF_ERROR(MakeDirectories(DatabaseIn(options_.directory)));
  BITACORA_RETURN_IF_ERROR(SyncDirectory(options_.directory));
  BITACORA_RETURN_IF_ERROR(OpenDatabase(false, true));
  contents_.log_id = MakeUuidV4(SystemRandom());
  std::string format;
  PutVarint(&format, kFormat);
  rocksdb::WriteBatch rows;
  rows.Put(ToSlice(FormatKey()), ToSlice(format));
  rows.Put(ToSlice(LogIdKey()), ToSlice(contents_.log_id));
  BITACORA_RETURN_IF_ERROR(Write(&rows));
  BITACORA_RETURN_IF_ERROR(Witness::Create(WitnessIn(options_.directory), {}));
  BITACORA_ASSIGN_OR_RETURN(
      witness_, Witness::Open(WitnessIn(options_.directory), Witness::Access::kReadWrite));
  return {};
}

Status Storage::MakeAgain() {
  // The process ended while it made the log, before any record, or else a file was lost.
  BITACORA_ASSIGN_OR_RETURN(const std::uint64_t entries, CountEntries(db_.get()));
  if (entries > kEntriesOfNewLog) {
    return Error(ErrorCode::kCorruption, WitnessIn(options_.directory) + " is missing",
                 "log-damaged");
  }
  if (options_.read_only) return Error(ErrorCode::kNotFound, "there is no log");
  db_.reset();
  const std::string database = DatabaseIn(options_.directory);
  std::error_code error;
  std::filesystem::remove_all(database, error);
  if (error) return FromErrno(error.value(), "remove", database);
  return Make();
}

Status Storage::OpenExisting() {
  const std::string path = WitnessIn(options_.directory);
  const bool has_witness = FileExists(path);
  if (has_witness) {
    BITACORA_ASSIGN_OR_RETURN(
        witness_, Witness::Open(path, options_.read_only ? Witness::Access::kRead
                                                         : Witness::Access::kReadWrite));
    if (!witness_->both_slots_readable()) {
      LogWarning("one of two notes of the log's witness is damaged", {{"path", path}});
    }
  }

  // First for reading only: opening for writing deletes files that the database does not name,
  // which after damage may be the ones that are missed.
  BITACORA_RETURN_IF_ERROR(OpenDatabase(true, false));
  if (!has_witness) return MakeAgain();
  BITACORA_RETURN_IF_ERROR(CheckBlobFiles(db_.get(), DatabaseIn(options_.directory)));
  BITACORA_ASSIGN_OR_RETURN(contents_, ReadContents(db_.get()));
  BITACORA_RETURN_IF_ERROR(CheckComplete(db_.get(), contents_));
  BITACORA_RETURN_IF_ERROR(CheckAgainst(db_.get(), contents_, witness_->found()));
  if (options_.read_only) return {};

  db_.reset();
  BITACORA_RETURN_IF_ERROR(OpenDatabase(false, false));
  BITACORA_ASSIGN_OR_RETURN(const Contents now, ReadContents(db_.get()));
  if (now.records != contents_.records || now.topics.size() != contents_.topics.size()) {
    return Error(ErrorCode::kCorruption, "it changed while it was opened", "log-damaged");
  }
  return {};
}

Status Storage::Write(rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions how;
  how.sync = options_.sync && !(Mutated(Promise::kP1) && IsPassedOver());
  if (const auto written = db_->Write(how, batch); !written.ok()) {
    return FromRocks(written, "write the log");
  }
  return {};
}

Status Storage::BackgroundError() const { return errors_->status(); }

Result<Stamp> Storage::ReadStamp(TopicNumber topic, Partition partition, Offset offset) const {
  const auto stamp = ReadStampFrom(db_.get(), topic, partition, offset);
  if (stamp.ok()) return stamp;
  LogError("a record cannot be read", {{"error", stamp.error().message()}});
  if (stamp.error().code() != ErrorCode::kCorruption) {
    return Error(ErrorCode::kUnavailable, "the log cannot be read now", "log-unavailable");
  }
  return DamagedRecord(topic, partition, offset, "cannot be read");
}

Status Storage::Read(const Range& range, const RangeLimits& limits,
                     std::vector<StoredRecord>* out) const {
  if (limits.records_max == 1) return ReadOne(range, out);
  const std::string first = RecordKey(range.topic, range.partition, range.from);
  const std::string behind = RecordKey(range.topic, range.partition, range.end);
  const rocksdb::Slice upper_bound = ToSlice(behind);
  rocksdb::ReadOptions how;
  how.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(how));

  std::optional<std::uint64_t> chain = ChainBefore(range.from);
  std::size_t bytes = 0;
  Offset next = range.from;
  const auto records_before = out->size();
  for (rows->Seek(ToSlice(first)); rows->Valid() && next < range.end; rows->Next()) {
    const std::size_t count = out->size() - records_before;
    if (count >= limits.records_max || (count > 0 && bytes >= limits.bytes_max)) return {};
    if (ToView(rows->key()) != RecordKey(range.topic, range.partition, next)) {
      return DamagedRecord(range.topic, range.partition, next, "is missing");
    }
    const rocksdb::Slice stored = rows->value();
    if (!rows->status().ok()) break;
    BITACORA_ASSIGN_OR_RETURN(StoredRecord record, RecordFrom(stored, range, next, &chain));
    bytes += stored.size();
    out->push_back(std::move(record));
    next = next.Next();
  }
  if (!rows->status().ok()) {
    return CannotRead(rows->status(), range.topic, range.partition, next);
  }
  if (next < range.end && out->size() - records_before < limits.records_max) {
    return DamagedRecord(range.topic, range.partition, next, "is missing");
  }
  return {};
}

Status Storage::ReadOne(const Range& range, std::vector<StoredRecord>* out) const {
  rocksdb::PinnableSlice stored;
  const rocksdb::Status got =
      db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(),
               ToSlice(RecordKey(range.topic, range.partition, range.from)), &stored);
  return Take(got, stored, range, out);
}

Status Storage::ReadEach(TopicNumber topic, Partition partition, std::span<const Offset> offsets,
                         std::vector<StoredRecord>* out) const {
  std::vector<std::string> keys;
  std::vector<rocksdb::Slice> slices;
  keys.reserve(offsets.size());
  slices.reserve(offsets.size());
  for (const Offset offset : offsets) {
    slices.push_back(ToSlice(keys.emplace_back(RecordKey(topic, partition, offset))));
  }
  std::vector<rocksdb::PinnableSlice> stored(keys.size());
  std::vector<rocksdb::Status> got(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), keys.size(), slices.data(),
                stored.data(), got.data(), /*sorted_input=*/true);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Range range{topic, partition, offsets[i], offsets[i].Next()};
    BITACORA_RETURN_IF_ERROR(Take(got[i], stored[i], range, out));
  }
  return {};
}

Status Storage::CopyTo(const std::string& directory, const Testimony& testimony) const {
  BITACORA_RETURN_IF_ERROR(MakeDirectories(directory));
  rocksdb::Checkpoint* made = nullptr;
  if (const auto created = rocksdb::Checkpoint::Create(db_.get(), &made); !created.ok()) {
    return FromRocks(created, "prepare a copy of the log");
  }
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // 0: everything is flushed into tables first, so that the copy needs no WAL.
  if (const auto copied = checkpoint->CreateCheckpoint(DatabaseIn(directory), 0); !copied.ok()) {
    return FromRocks(copied, "copy the log");
  }
  return Witness::Create(WitnessIn(directory), testimony);
}

}  // namespace bitacora::event_store::embedded
