// What StateDb and FoldBatch share: the state's families, and how its errors become ours.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
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
#include "src/store/unwritten.h"

namespace bitacora::event_store {

/// kCorruption "state-damaged", and what to do about it. `what` is the part that cannot be read.
Error StateDamaged(std::string_view what);
/// kUnavailable "state-unavailable": the disk failed.
Error StateUnavailable();
/// One of the two. The log is whole, this copy is not to be used.
Status FromState(const rocksdb::Status& status);

/// Where the fold of a partition is, in kMeta.
std::string PartitionStateKey(const PartitionKey& partition);
/// Where an append is, in kPlaces.
std::string PlaceKey(std::string_view stream_prefix, Version first_version);
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
  Result<std::optional<Remembered>> Find(const std::string& append_key) const;

  /// Adds what a batch changed to what is not written.
  Status Add(Unwritten::Changes changes) EXCLUDES(unwritten_mu);
  /// Whether so much is not written that whoever adds more has to wait.
  bool HasTooMuch() const EXCLUDES(unwritten_mu);
  /// What is not written: first what is being written, then what came since.
  template <typename Visit>
  void VisitUnwritten(const Visit& visit) const EXCLUDES(unwritten_mu) {
    MutexLock lock(unwritten_mu);
    if (being_written) visit(*being_written);
    visit(unwritten);
  }
  /// Of the stream.
  Unwritten::Stream UnwrittenOf(const std::string& stream_prefix) const;
  void CountWaiting() REQUIRES_LOCK(unwritten_mu);
  /// Puts it into RocksDB, and copies of records into their files.
  Status Put(const Unwritten& taken) const;
  /// What the thread of WriteBehind does.
  void RunWriter(StateDb& state, const std::stop_token& stop);

  /// Null unless records are copied.
  std::unique_ptr<RecordCopies> copies;
  std::unique_ptr<rocksdb::Env> env;  ///< Of another file system than the disk's, or nothing.
  std::unique_ptr<PrefixReplay> replay;
  Mutex opening_mu;  ///< Held while a topic gets its number.
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles{};
  std::unique_ptr<rocksdb::DB> db;  // Declared last of what it must outlive: see ~Impl.

  Mutex write_mu;  ///< Held while one writes, and taken before the other.
  mutable Mutex unwritten_mu;
  Unwritten unwritten GUARDED_BY(unwritten_mu);
  /// Still visible, and RocksDB's in a moment; null between.
  std::shared_ptr<const Unwritten> being_written GUARDED_BY(unwritten_mu);
  Status written GUARDED_BY(unwritten_mu);
  std::condition_variable unwritten_changed;
  Gauge* waiting GUARDED_BY(unwritten_mu) = nullptr;  ///< Or nobody asks.
  std::jthread writer;                                // Last: it uses all of the above.
};

/// The rows of a family whose keys begin with a prefix. RocksDB keeps where the bounds are, so it
/// does not move.
class PrefixRows {
 public:
  /// `end`: only rows before this key.
  PrefixRows(const StateDb::Impl& state, StateDb::Impl::Family family, std::string prefix,
             std::optional<std::string> end = std::nullopt);
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

/// The appends of a stream: RocksDB's rows and, behind them, what is not written. What is committed
/// after it was made does not appear.
class StreamAppends {
 public:
  StreamAppends(const StateDb::Impl& state, std::string stream_prefix);

  /// Goes to the last append that does not begin behind `from`.
  void SeekForPrev(Version from);
  bool Valid() const { return in_rows_ ? rows_->Valid() : at_ < unwritten_.size(); }
  void Next();
  void Prev();
  /// Where it stands.
  Result<StreamAppend> Get() const;
  /// Why it is not valid, if not for the end.
  Status status() const { return FromState(rows_->status()); }
  /// The last one, wherever it stands; nothing where there is no such stream.
  Result<std::optional<StreamAppend>> Last();

 private:
  const Unwritten::Stream unwritten_;  // Before the rows: between, it may become some of them.
  const PrefixRows rows_;
  bool in_rows_ = true;
  std::size_t at_ = 0;  ///< In `unwritten_`, unless in the rows.
};

}  // namespace bitacora::event_store
