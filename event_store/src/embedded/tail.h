// The visible end of each partition and the records that were written last, kept in memory for
// readers: most of them stand at the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

#include "src/embedded/format.h"

namespace bitacora::event_store::embedded {

/// The records one group brought to one partition; immutable.
struct Block {
  std::vector<StoredRecord> records;  ///< Not empty, without holes.
  std::size_t bytes = 0;

  Offset first() const { return records.front().offset; }
  Offset end() const { return records.back().offset.Next(); }
};
/// Shared by the tail and the readers that are copying from it.
using BlockPtr = std::shared_ptr<const Block>;

/// One partition as readers see it. Lives as long as the log.
class PartitionTail {
 public:
  PartitionTail(const PartitionId& its_id, Offset found_end) : id(its_id), end_(found_end.value) {}

  const PartitionId id;

  /// Behind the last durable record.
  Offset end() const { return Offset(end_.load(std::memory_order_acquire)); }

 private:
  friend class Tail;
  std::atomic<std::int64_t> end_;
  std::deque<BlockPtr> blocks_;  ///< Guarded by Tail::mu_. The newest, without holes, up to end_.
};

/// Told after each group that something may have come.
class TailListener {
 public:
  virtual ~TailListener() = default;
  /// Must not block, nor call the Tail.
  virtual void OnPublished() = 0;
};

/// Thread-safe; Publish is for one thread.
class Tail {
 public:
  /// Keeps about `bytes_max` of records.
  explicit Tail(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Makes `block` the end of `partition`. Not visible to anyone who waits before Announce.
  void Publish(PartitionTail& partition, BlockPtr block) EXCLUDES(mu_);
  /// Moves the end without records in memory: what was found on opening again.
  void MoveEnd(PartitionTail& partition, Offset end) EXCLUDES(mu_);
  /// Wakes the listeners, once per group.
  void Announce() EXCLUDES(listeners_mu_);

  /// The blocks that hold [from, end) from `from` on, as many as hold `records_max` records; empty
  /// where `from` is no longer in memory (or is the end).
  std::vector<BlockPtr> Find(const PartitionTail& partition, Offset from,
                             std::size_t records_max) const EXCLUDES(mu_);

  /// The first record of the partition that is in memory, as are all behind it; nothing where none
  /// is.
  std::optional<Offset> First(const PartitionTail& partition) const EXCLUDES(mu_);

  void AddListener(TailListener* listener) EXCLUDES(listeners_mu_);
  /// No call of OnPublished is running when it returns, and none comes.
  void RemoveListener(TailListener* listener) EXCLUDES(listeners_mu_);

 private:
  const std::size_t bytes_max_;

  mutable Mutex mu_;
  std::size_t bytes_ GUARDED_BY(mu_) = 0;
  /// Whose front block is the oldest, the next oldest, …
  std::deque<PartitionTail*> by_age_ GUARDED_BY(mu_);

  Mutex listeners_mu_;
  std::set<TailListener*> listeners_ GUARDED_BY(listeners_mu_);
};

}  // namespace bitacora::event_store::embedded
