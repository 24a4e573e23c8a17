// Reading records of an open log: from memory where they are recent, from disk where not; also
// while the writer closes and opens the storage again.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/event_store/log.h>

#include "src/embedded/storage.h"
#include "src/embedded/tail.h"

namespace bitacora::event_store::embedded {

/// The storage, which is away while it is being opened again. Thread-safe.
class StorageHandle {
 public:
  explicit StorageHandle(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}

  /// Calls `use` with the storage, which stays open meanwhile; kUnavailable while it is away.
  template <typename Use>
  auto With(Use&& use) const -> decltype(use(std::declval<const Storage&>())) {
    const std::shared_lock lock(mu_);
    if (!storage_)
      return Error(ErrorCode::kUnavailable, "the log is being opened again", "log-unavailable");
    return use(*storage_);
  }

  /// For the writer, the only one to write and to replace. Null while the storage is away.
  Storage* ForWriter() { return storage_.get(); }
  /// Waits until nobody reads, then closes it.
  void Close() {
    const std::unique_lock lock(mu_);
    storage_.reset();
  }
  void Set(std::unique_ptr<Storage> storage) {
    const std::unique_lock lock(mu_);
    storage_ = std::move(storage);
  }

 private:
  mutable std::shared_mutex mu_;
  std::unique_ptr<Storage> storage_;
};

/// Thread-safe.
class Records {
 public:
  Records(const Tail& tail, const StorageHandle& storage) : tail_(tail), storage_(storage) {}

  /// Whether reading from `from` makes sense: kCorruption "log-head-lost" below the first offset,
  /// "log-moved-backwards" beyond the end.
  static Status CheckStart(const PartitionTail& partition, Offset from);

  /// Records from `from` on, none where it is the end. Appends to `out`.
  Status Read(const PartitionTail& partition, Offset from, const RangeLimits& limits,
              std::vector<StoredRecord>* out) const;

  /// The records at `offsets`, which rise and are before the end. Appends to `out`.
  Status ReadEach(const PartitionTail& partition, std::span<const Offset> offsets,
                  std::vector<StoredRecord>* out) const;

  /// The first record whose time is at or after `wall_ms`, or the end.
  Result<Offset> FindTime(const PartitionTail& partition, std::int64_t wall_ms) const;

 private:
  const Tail& tail_;
  const StorageHandle& storage_;
};

}  // namespace bitacora::event_store::embedded
