// What StateDb and FoldBatch share: the database, and how its errors become ours.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>

#include <bitacora/base/status.h>
#include <bitacora/base/unlogged_writes.h>

#include "src/rocks_status.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// kCorruption "state-damaged", and what to do about it. `what` is the part that cannot be read.
Error StateDamaged(std::string_view what);
/// State errors are one kind to the callers: the log is whole, this copy is not to be used.
Status FromState(const rocksdb::Status& status);

/// Where a run of admitted records is.
std::string RunKey(const PartitionKey& partition, Offset first);
/// The first key behind all that begin with `prefix`. Prefixes here never consist of 0xFF alone.
std::string PrefixEnd(std::string prefix);

struct StateDb::Impl {
  /// The most records a start folds again, at 70,000 to 100,000 a second.
  static constexpr std::int64_t kFoldedAgainMax = 49'152;

  rocksdb::Status Open(const Options& options);
  Status Write(rocksdb::WriteBatch* batch) const;
  Result<std::optional<std::string>> Get(std::string_view key) const;
  /// All of them are there, or it is damaged.
  Result<std::vector<rocksdb::PinnableSlice>> GetEach(const std::vector<std::string>& keys) const;
  std::unique_ptr<rocksdb::Iterator> Iterate(const rocksdb::ReadOptions& options) const;
  /// The version of the stream's last event; nothing where there is no such stream.
  Result<std::optional<Version>> Head(const std::string& stream_prefix) const;
  Result<std::optional<Remembered>> Find(std::string_view append_key) const;

  std::unique_ptr<rocksdb::Env> env;  ///< Of another file system than the disk's, or nothing.
  UnloggedWrites writes{kFoldedAgainMax};
  std::unique_ptr<rocksdb::DB> db;
};

/// A place.
Result<StateDb::StreamAppend> ReadPlace(const rocksdb::Iterator& row, std::size_t prefix_size);

}  // namespace bitacora::event_store
