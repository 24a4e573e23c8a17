// A RocksDB without a write-ahead log, for what can be folded again from the event log.
#pragma once

#include <atomic>
#include <cstdint>

namespace rocksdb {
class DB;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace bitacora {

/// Thread-safe. The database must have one column family: a memtable becomes a file as a whole, in
/// the order in which memtables were filled, so that what is there after a crash is what all was at
/// one moment. Of several families each would be as old as its own last file (docs/adr/0007).
class UnloggedWrites {
 public:
  /// `records_max`: about the most records that a start has to fold again; fewer where memtables
  /// are full sooner.
  explicit UnloggedWrites(std::int64_t records_max) : records_max_(records_max) {}

  /// Writes `batch` to the memtable.
  static rocksdb::Status Write(rocksdb::DB& database, rocksdb::WriteBatch* batch);
  /// Takes note of records that were folded, and begins to make a file where a start would fold too
  /// many of them again. Does not wait for it; what fails there fails a later write.
  void CountFolded(rocksdb::DB& database, std::int64_t records);

 private:
  const std::int64_t records_max_;
  std::atomic<std::int64_t> folded_{0};  ///< Since CountFolded last began to make a file.
};

}  // namespace bitacora
