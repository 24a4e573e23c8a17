// What StateDb and FoldBatch share: the state's families, and how its errors become ours.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>

#include <bitacora/base/mutex.h>
#include <bitacora/base/prefix_replay.h>
#include <bitacora/base/status.h>

#include "src/rocks_status.h"
#include "src/store/record_copies.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// kCorruption "state-damaged", and what to do about it. `what` is the part that cannot be read.
Error StateDamaged(std::string_view what);
/// kUnavailable "state-unavailable": the disk failed.
Error StateUnavailable();
/// One of the two. The log is whole, this copy is not to be used.
Status FromState(const rocksdb::Status& status);

/// Where the fold of a partition is, in kMeta.
std::string PartitionStateKey(const PartitionKey& partition);
/// Where a run of admitted records is, in kAdmitted.
std::string AdmittedKey(const PartitionKey& partition, Offset first);

struct StateDb::Impl {
  enum Family { kMeta, kAppends, kPlaces, kAdmitted, kFamilies };

  ~Impl();

  /// `file_system`: another than the disk's, or null.
  rocksdb::Status Open(const std::string& directory,
                       const std::shared_ptr<rocksdb::FileSystem>& file_system);
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const;
  /// All of them are there, or it is damaged.
  Result<std::vector<rocksdb::PinnableSlice>> GetEach(Family family,
                                                      const std::vector<std::string>& keys) const;
  /// The version of the stream's last event; nothing where there is no such stream.
  Result<std::optional<Version>> Head(const std::string& stream_prefix) const;
  Result<std::optional<Remembered>> Find(std::string_view append_key) const;

  /// Null unless records are copied.
  std::unique_ptr<RecordCopies> copies;
  std::unique_ptr<rocksdb::Env> env;  ///< Of another file system than the disk's, or nothing.
  std::unique_ptr<PrefixReplay> replay;
  Mutex opening_mu;  ///< Held while a topic gets its number.
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles{};
  std::unique_ptr<rocksdb::DB> db;  // Declared last of what it must outlive: see ~Impl.
};

/// The rows of a family whose keys begin with a prefix. RocksDB keeps where the bounds are, so it
/// does not move.
class PrefixRows {
 public:
  PrefixRows(const StateDb::Impl& state, StateDb::Impl::Family family, std::string prefix);
  PrefixRows(const PrefixRows&) = delete;
  PrefixRows& operator=(const PrefixRows&) = delete;

  const std::string& prefix() const { return prefix_; }
  rocksdb::Iterator* operator->() const { return rows_.get(); }

 private:
  const std::string prefix_;
  const std::string end_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  const std::unique_ptr<rocksdb::Iterator> rows_;
};

/// Of a stream's rows of kPlaces: the append where they stand, and the last one; nothing where
/// there is no such stream.
Result<StateDb::StreamAppend> ReadPlace(const PrefixRows& places);
Result<std::optional<StateDb::StreamAppend>> LastAppend(const PrefixRows& places);

}  // namespace bitacora::event_store
