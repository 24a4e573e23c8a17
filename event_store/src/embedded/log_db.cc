#include "src/embedded/log_db.h"

#include <bitacora/base/encoding.h>
#include <bitacora/base/uuid.h>

#include <rocksdb/cache.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <filesystem>

#include "src/record_codec.h"
#include "src/rocks_status.h"

namespace bitacora::event_store {
namespace {

constexpr std::uint64_t kLogFormat = 1;
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kIdKey = "id";
constexpr std::string_view kTopicPrefix = "topic/";
constexpr std::string_view kNextNumberKey = "next-topic";
constexpr std::size_t kRecords = 1;  ///< Of handles_.

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string Varint(std::uint64_t value) {
  std::string out;
  PutVarint(&out, value);
  return out;
}

Error Damaged(std::string_view what) {
  return {ErrorCode::kCorruption, "the log is damaged: " + std::string(what), "log-damaged"};
}

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // The default drops everything behind a damaged record and says nothing (RELIABILITY.md, fact 4).
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.paranoid_checks = true;
  options.max_total_wal_size = 128u << 20;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_open_files = 1024;
  options.bytes_per_sync = 1u << 20;
  return options;
}

rocksdb::ColumnFamilyOptions RecordOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(64u << 20);
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Values go to blob files once and are not moved by compaction: 2.2 times the bytes are written
  // instead of 4.8 times (DESIGN §4).
  family.enable_blob_files = true;
  family.min_blob_size = 64;
  family.blob_file_size = 256u << 20;
  family.write_buffer_size = 32u << 20;
  return family;
}

/// Names what of the message helps: RocksDB's text has the file.
Error CannotOpen(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsCorruption()) {
    return {ErrorCode::kCorruption, "the log in " + directory + " is damaged: " + status.ToString(),
            "log-damaged"};
  }
  // A missing or unreadable file of a log that is there is damage, too.
  if (status.IsNotFound() || status.IsInvalidArgument() || status.IsNotSupported()) {
    return {ErrorCode::kCorruption,
            "the log in " + directory + " cannot be read: " + status.ToString(), "log-damaged"};
  }
  return {ErrorCode::kPermissionDenied,
          "the log in " + directory + " cannot be opened: " + status.ToString()};
}

}  // namespace

Result<std::unique_ptr<LogDb>> LogDb::Open(const EmbeddedLogOptions& options) {
  std::error_code failed;
  if (!options.read_only) std::filesystem::create_directories(options.directory, failed);
  if (failed) {
    return Error(ErrorCode::kPermissionDenied,
                 "cannot make " + options.directory + ": " + failed.message());
  }
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions()},
      {"records", RecordOptions()}};
  auto log = std::unique_ptr<LogDb>(new LogDb());
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      options.read_only
          ? rocksdb::DB::OpenForReadOnly(DatabaseOptions(), options.directory, families,
                                         &log->handles_, &opened)
          : rocksdb::DB::Open(DatabaseOptions(), options.directory, families, &log->handles_,
                              &opened);
  if (!status.ok()) return CannotOpen(options.directory, status);
  log->db_.reset(opened);
  BITACORA_RETURN_IF_ERROR(log->Identify(options.read_only));
  return log;
}

LogDb::~LogDb() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
}

Status LogDb::Identify(bool read_only) {
  std::string format;
  const rocksdb::Status known =
      db_->Get(rocksdb::ReadOptions(), handles_[0], ToSlice(kFormatKey), &format);
  if (known.IsNotFound() && !read_only) {
    if (sequence() != 0) return Damaged("it has no format");
    log_id_ = MakeUuidV4(SystemRandom());
    rocksdb::WriteBatch batch;
    batch.Put(handles_[0], ToSlice(kFormatKey), Varint(kLogFormat));
    batch.Put(handles_[0], ToSlice(kIdKey), log_id_);
    return FromRocks(Write(&batch, true), "making the log");
  }
  BITACORA_RETURN_IF_ERROR(FromRocks(known, "reading the log's format"));
  if (format != Varint(kLogFormat)) {
    return Error(ErrorCode::kInvalidArgument,
                 "the log was written by a newer release of Bitacora; this one cannot read it");
  }
  return FromRocks(db_->Get(rocksdb::ReadOptions(), handles_[0], ToSlice(kIdKey), &log_id_),
                   "reading the log's id");
}

Result<std::vector<std::pair<TopicName, EmbeddedTopic>>> LogDb::LoadTopics() const {
  std::vector<std::pair<TopicName, EmbeddedTopic>> topics;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      db_->NewIterator(rocksdb::ReadOptions(), handles_[0]));
  for (iterator->Seek(ToSlice(kTopicPrefix)); iterator->Valid(); iterator->Next()) {
    const std::string_view key = iterator->key().ToStringView();
    if (!key.starts_with(kTopicPrefix)) break;
    Decoder in(iterator->value().ToStringView());
    EmbeddedTopic topic;
    topic.number = static_cast<std::uint32_t>(in.Varint());
    topic.partitions = static_cast<std::int32_t>(in.Varint());
    if (!in.done()) return Damaged("the entry of a topic");
    topics.emplace_back(TopicName(std::string(key.substr(kTopicPrefix.size()))), topic);
  }
  BITACORA_RETURN_IF_ERROR(FromRocks(iterator->status(), "reading the topics"));
  return topics;
}

Result<EmbeddedTopic> LogDb::AddTopic(const TopicName& name, std::int32_t partitions) {
  EmbeddedTopic topic{1, partitions};
  std::string next;
  const rocksdb::Status known =
      db_->Get(rocksdb::ReadOptions(), handles_[0], ToSlice(kNextNumberKey), &next);
  if (known.ok()) {
    Decoder in(next);
    topic.number = static_cast<std::uint32_t>(in.Varint());
    if (!in.done()) return Damaged("the next topic's number");
  } else if (!known.IsNotFound()) {
    return FromRocks(known, "reading the next topic's number").error();
  }
  std::string value = Varint(topic.number);
  PutVarint(&value, static_cast<std::uint64_t>(partitions));
  rocksdb::WriteBatch batch;
  batch.Put(handles_[0], std::string(kTopicPrefix) + name.str(), value);
  batch.Put(handles_[0], ToSlice(kNextNumberKey), Varint(topic.number + 1U));
  BITACORA_RETURN_IF_ERROR(OutcomeOfWrite(Write(&batch, true)));
  return topic;
}

std::string LogDb::KeyOf(std::uint32_t topic, Partition partition, Offset offset) {
  std::string key;
  key.reserve(16);
  PutBigEndian32(&key, topic);
  PutBigEndian32(&key, static_cast<std::uint32_t>(partition.value));
  PutBigEndian64(&key, static_cast<std::uint64_t>(offset.value));
  return key;
}

Result<std::optional<StoredRecord>> LogDb::LastRecord(std::uint32_t topic,
                                                      Partition partition) const {
  const std::string first = KeyOf(topic, partition, Offset(0));
  const rocksdb::Slice lower(first);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options, handles_[kRecords]));
  iterator->SeekForPrev(KeyOf(topic, partition, Offset(INT64_MAX)));
  BITACORA_RETURN_IF_ERROR(FromRocks(iterator->status(), "finding the end of the log"));
  if (!iterator->Valid()) return std::optional<StoredRecord>();
  Decoder key(iterator->key().ToStringView().substr(8));
  const Offset offset(static_cast<std::int64_t>(key.BigEndian64()));
  auto record = DecodeRecord(offset, iterator->value().ToString());
  if (!key.done() || !record) return Damaged("a record");
  return std::optional(std::move(*record));
}

Result<StoredRecord> LogDb::Get(std::uint32_t topic, Partition partition, Offset offset) const {
  std::string bytes;
  BITACORA_RETURN_IF_ERROR(FromRocks(db_->Get(rocksdb::ReadOptions(), handles_[kRecords],
                                              KeyOf(topic, partition, offset), &bytes),
                                     "reading the log"));
  auto record = DecodeRecord(offset, std::move(bytes));
  if (!record) return Damaged("a record");
  return std::move(*record);
}

Status LogDb::Scan(std::uint32_t topic, Partition partition, Offset from, std::size_t records_max,
                   std::size_t bytes_max, std::vector<StoredRecord>* out) const {
  const std::string end = KeyOf(topic, partition.Next(), Offset(0));
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.readahead_size = 512u << 10;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options, handles_[kRecords]));
  std::size_t bytes = 0;
  std::size_t records = 0;
  for (iterator->Seek(KeyOf(topic, partition, from));
       iterator->Valid() && records < records_max && bytes < bytes_max; iterator->Next()) {
    Decoder key(iterator->key().ToStringView().substr(8));
    const Offset offset(static_cast<std::int64_t>(key.BigEndian64()));
    auto record = DecodeRecord(offset, iterator->value().ToString());
    if (!key.done() || !record) return Damaged("a record");
    bytes += iterator->value().size();
    ++records;
    out->push_back(std::move(*record));
  }
  return FromRocks(iterator->status(), "reading the log");
}

rocksdb::Status LogDb::Write(rocksdb::WriteBatch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return db_->Write(options, batch);
}

void LogDb::PutRecord(rocksdb::WriteBatch* batch, const std::string& key,
                      const std::string& bytes) const {
  batch->Put(handles_[kRecords], key, bytes);
}

Status LogDb::Checkpoint(const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  BITACORA_RETURN_IF_ERROR(
      FromRocks(rocksdb::Checkpoint::Create(db_.get(), &made), "making a checkpoint"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // Size 0 flushes first: a checkpoint with an unsynced WAL in it may be cut (RocksDB 9.4's notes).
  return FromRocks(checkpoint->CreateCheckpoint(directory, 0), "making a checkpoint");
}

}  // namespace bitacora::event_store
