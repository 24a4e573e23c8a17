// The state of the event store: what folding made of the log, in a RocksDB of its own. A cache that
// is always a true prefix: every batch carries the offset it leads to. Readers see what is
// committed at once; RocksDB has it a moment later, and the disk when it likes. So after a kill it
// is older by that moment, and after a power cut by more; never different.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

#include "src/store/state_codec.h"

namespace rocksdb {
class FileSystem;
}

namespace bitacora::event_store {

/// A topic as the state knows it.
struct TopicState {
  std::uint32_t number = 0;  ///< Never reused, so that keys of a deleted topic are not met again.
  std::string log_id;
  std::int32_t partitions = 0;
};

/// Thread-safe; one FoldBatch at a time per partition.
class StateDb {
 public:
  /// Opens or makes the state of the log `log_id` in `directory`. State of another format is
  /// deleted. `file_system`: another than the disk's, for tests. kConflict "another-log";
  /// kCorruption.
  static Result<std::unique_ptr<StateDb>> Open(
      const std::string& directory, const std::string& log_id, bool copy_records,
      const std::shared_ptr<rocksdb::FileSystem>& file_system = nullptr);
  ~StateDb();
  StateDb(const StateDb&) = delete;
  StateDb& operator=(const StateDb&) = delete;

  /// The topic's number; a new one, and the old state dropped, where `log_id` is not what is known.
  Result<TopicState> OpenTopic(const TopicName& name, const std::string& log_id,
                               std::int32_t partitions);
  /// What is known of the topic, without the log.
  Result<std::optional<TopicState>> FindTopic(const TopicName& name) const;

  Result<PartitionState> LoadPartition(const PartitionKey& partition) const;

  Result<std::optional<Version>> Head(const PartitionKey& partition, std::string_view stream) const;
  Result<std::optional<Remembered>> FindAppend(const PartitionKey& partition,
                                               std::string_view stream,
                                               std::string_view append_id) const;

  struct StreamScan {
    /// Nothing: the first version, or backwards the head.
    std::optional<Version> from;
    bool backwards = false;
  };
  /// Visits appends of the stream from the one that holds `from` on until `visit` returns false;
  /// none where it begins beyond the head forwards. Returns the head of the stream as it was
  /// visited, nothing where there is no such stream.
  Result<std::optional<Version>> ScanStream(
      const PartitionKey& partition, std::string_view stream, const StreamScan& scan,
      const std::function<bool(const StreamAppend&)>& visit) const;

  /// Gives the records at offsets, which rise, from the log: where copies are gone.
  using FromLog = std::function<Result<std::vector<StoredRecord>>(std::span<const Offset>)>;

  /// An admitted record's entry; the record is empty unless records are copied.
  struct Admitted {
    Offset offset;
    Version first_version;
    std::uint32_t count = 0;
    std::optional<StoredRecord> record;
  };
  /// Visits admitted records from offset `from` on until `visit` returns false. Errors also of
  /// `from_log`.
  Status ScanAdmitted(const PartitionKey& partition, Offset from, const FromLog& from_log,
                      const std::function<bool(Admitted)>& visit) const;
  /// The copied records of appends, in their order. Errors also of `from_log`.
  Result<std::vector<StoredRecord>> CopiedRecords(const PartitionKey& partition,
                                                  std::span<const AppendPlace> places,
                                                  const FromLog& from_log) const;

  bool copies_records() const { return copy_records_; }

  /// Has a thread write what is committed, kWriteWithin after the first of it or when there is
  /// enough. Without it there are Write, the end, and the commit with which there is too much.
  /// `waiting` says how many records do.
  void WriteBehind(Gauge& waiting);
  static constexpr std::chrono::milliseconds kWriteWithin{100};
  /// Writes what is committed: it then outlives the process. On an error it stays visible, and
  /// nothing is written or committed any more.
  Status Write();
  /// The error of a Write.
  Status Written() const;

  struct Impl;

 private:
  friend class FoldBatch;
  StateDb(std::unique_ptr<Impl> impl, bool copy_records);

  std::unique_ptr<Impl> impl_;
  const bool copy_records_;
};

/// Folds records of any number of partitions and commits what that changed at once. For one thread.
class FoldBatch {
 public:
  explicit FoldBatch(StateDb& state);
  ~FoldBatch();
  FoldBatch(const FoldBatch&) = delete;
  FoldBatch& operator=(const FoldBatch&) = delete;

  /// Folds `record` into `partition_state`. Nothing: a newer rule is needed, nothing changed.
  /// kCorruption, kUnavailable: the state cannot be read, nothing changed.
  Result<std::optional<FoldStep>> Fold(const PartitionKey& key, const StoredRecord& record,
                                       PartitionState* partition_state);
  /// Remembers that `partition_state` belongs to the batch.
  void Save(const PartitionKey& key, const PartitionState& partition_state);

  /// Shows all of it to readers and starts anew; where much waits, writes it. On an error, of a
  /// Write before, nothing of it is in the state.
  Status Commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitacora::event_store
