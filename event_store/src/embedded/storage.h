// The embedded log's records in RocksDB: opening with every check, writing groups, reading ranges.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

#include "src/embedded/format.h"
#include "src/embedded/witness.h"

namespace bitacora::event_store::embedded {

/// Where a partition's log stands.
struct PartitionHead {
  Offset end;  ///< Behind the last record.
  std::uint64_t chain = 0;
  std::int64_t latest_time_ms = INT64_MIN;

  bool operator==(const PartitionHead&) const = default;
};

struct TopicContents {
  TopicRow row;
  std::vector<PartitionHead> heads;  ///< By partition.
};

/// What an opened log holds.
struct Contents {
  std::string log_id;
  std::vector<TopicContents> topics;
  std::uint64_t records = 0;  ///< Of all partitions.
};

struct StorageOptions {
  std::string directory;
  bool read_only = false;
  bool sync = true;
  /// Between RocksDB and the disk; null: the machine's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
};

/// A range of one partition.
struct Range {
  TopicNumber topic;
  Partition partition;
  Offset from;
  Offset end;  ///< Not included. All of [from, end) is known to exist.
};
struct RangeLimits {
  std::size_t records_max = 1000;
  std::size_t bytes_max = 4u << 20;  ///< At least one record is read all the same.
};

/// An open log. Reads are thread-safe, writes are for one thread.
class Storage {
 public:
  /// Opens what is in `options.directory`, making it where there is nothing (unless read-only).
  /// Every promise that can be checked without reading all records is checked before RocksDB may
  /// change a file: nothing is repaired or dropped on the way to a refusal.
  ///
  /// kCorruption, kInvalidArgument: of a newer release; kUnavailable.
  static Result<std::unique_ptr<Storage>> Open(const StorageOptions& options);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// As found on opening.
  const Contents& contents() const { return contents_; }
  /// What the log was known to hold before it was opened; where a new log begins to count.
  Witness& witness() { return *witness_; }

  /// Writes all of `batch` or nothing and syncs it. After an error it is open which of the two; the
  /// storage then takes no further write, and only opening it again tells.
  Status Write(rocksdb::WriteBatch* batch);

  /// The records of `range` from its start on, as many as `limits` allow. Appends to `out`.
  /// kCorruption: one is missing or not what was written. kUnavailable.
  Status Read(const Range& range, const RangeLimits& limits, std::vector<StoredRecord>* out) const;
  /// The records at `offsets`, which rise, in one look-up. Appends to `out`; errors as for Read.
  Status ReadEach(TopicNumber topic, Partition partition, std::span<const Offset> offsets,
                  std::vector<StoredRecord>* out) const;

  /// The stamp of one record that exists.
  Result<Stamp> ReadStamp(TopicNumber topic, Partition partition, Offset offset) const;

  /// Copies the log into `directory` as of now, links where it can. `testimony`: of a moment before
  /// the call.
  Status CopyTo(const std::string& directory, const Testimony& testimony) const;

  /// RocksDB met an error in the background: no write will succeed.
  Status BackgroundError() const;

 private:
  class ErrorListener;

  explicit Storage(StorageOptions options) : options_(std::move(options)) {}
  Status OpenExisting();
  Status Make();
  Status MakeAgain();
  Status OpenDatabase(bool read_only, bool make);
  rocksdb::Options RocksOptions(bool make);
  /// A look-up: for one record it costs a fraction of what an iterator does.
  Status ReadOne(const Range& range, std::vector<StoredRecord>* out) const;

  const StorageOptions options_;
  Contents contents_;
  std::unique_ptr<Witness> witness_;
  /// Shared with RocksDB, which calls it until the database is closed.
  std::shared_ptr<ErrorListener> errors_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace bitacora::event_store::embedded
