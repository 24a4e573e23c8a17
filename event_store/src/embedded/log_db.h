// The RocksDB of the embedded log: keys, options, and what is checked when it is opened.
#pragma once

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>
#include <bitacora/event_store/embedded_log.h>

#include <rocksdb/db.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitacora::event_store {

/// A topic of the embedded log; numbers are never reused.
struct EmbeddedTopic {
  std::uint32_t number = 0;
  std::int32_t partitions = 0;
};

/// Owns the database. Thread-safe as RocksDB is; one thread writes.
class LogDb {
 public:
  static Result<std::unique_ptr<LogDb>> Open(const EmbeddedLogOptions& options);
  ~LogDb();
  LogDb(const LogDb&) = delete;
  LogDb& operator=(const LogDb&) = delete;

  const std::string& log_id() const { return log_id_; }

  Result<std::vector<std::pair<TopicName, EmbeddedTopic>>> LoadTopics() const;
  /// Synced. kTimeout: unknown.
  Result<EmbeddedTopic> AddTopic(const TopicName& name, std::int32_t partitions);

  static std::string KeyOf(std::uint32_t topic, Partition partition, Offset offset);
  /// The last record of a partition, or nothing.
  Result<std::optional<StoredRecord>> LastRecord(std::uint32_t topic, Partition partition) const;
  Result<StoredRecord> Get(std::uint32_t topic, Partition partition, Offset offset) const;
  /// At most `records_max` records and about `bytes_max` bytes (at least one record) from `from` on.
  Status Scan(std::uint32_t topic, Partition partition, Offset from, std::size_t records_max,
              std::size_t bytes_max, std::vector<StoredRecord>* out) const;

  /// Encoded records under their keys, in one synced write.
  rocksdb::Status Write(rocksdb::WriteBatch* batch, bool sync);
  void PutRecord(rocksdb::WriteBatch* batch, const std::string& key, const std::string& bytes) const;

  /// Changes with every write; a log that is shorter than it was has a lower one.
  std::uint64_t sequence() const { return db_->GetLatestSequenceNumber(); }
  Status Checkpoint(const std::string& directory);

 private:
  LogDb() = default;
  Status Identify(bool read_only);

  std::string log_id_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace bitacora::event_store
