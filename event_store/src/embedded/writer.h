// The one thread that writes the log: it groups what waits into one synced write, tells readers,
// then answers. After a failed write it closes the storage, opens it again and reads what is really
// there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>

#include "src/embedded/append_queue.h"
#include "src/embedded/catalog.h"
#include "src/embedded/free_space.h"
#include "src/embedded/records.h"
#include "src/embedded/storage.h"
#include "src/embedded/tail.h"
#include "src/embedded/witness.h"

namespace bitacora::event_store::embedded {

/// Whether the log can be written; set by the writer, asked by all. Thread-safe.
class Health {
 public:
  Status status() const EXCLUDES(mu_) {
    if (sound_.load(std::memory_order_acquire)) return {};
    MutexLock lock(mu_);
    return error_ ? Status(*error_) : Status();
  }
  void Set(std::optional<Error> error) EXCLUDES(mu_) {
    MutexLock lock(mu_);
    error_ = std::move(error);
    sound_.store(!error_.has_value(), std::memory_order_release);
  }

 private:
  std::atomic<bool> sound_ = true;
  mutable Mutex mu_;
  std::optional<Error> error_ GUARDED_BY(mu_);
};

/// What the writer works on; all of it outlives the writer.
struct WriterParts {
  const StorageOptions& options;
  StorageHandle& storage;
  Catalog& catalog;
  Tail& tail;
  AppendQueue& queue;
  FreeSpace& space;
  Health& health;
  const Clock& clock;
  Metrics& metrics;
};

class Writer {
 public:
  /// Starts the thread. The storage is open for writing.
  explicit Writer(const WriterParts& parts);
  /// Closes the queue, writes what is in it, joins.
  ~Writer();

  /// The log as of the last acknowledged group.
  Testimony last_testimony() const EXCLUDES(mu_);

 private:
  void Run();
  void Write(PendingWork work);
  void WriteGroup(std::span<PendingAppend> group);
  void WriteTopic(PendingTopic& topic);
  /// Gives the group its places and puts it into `rows_`.
  void Stamp(std::span<PendingAppend> group);
  void Acknowledge(std::span<PendingAppend> group);
  /// Answers that the outcome is unknown; the log is not writable from before the first answer on.
  void Abandon(std::span<PendingAppend> group);
  /// Notes what has become durable, before anybody is told.
  void Testify();
  void SyncWitness(Storage& storage);
  void Idle();

  /// Until the log is writable again, is found damaged, or the queue is closed.
  void Heal(const Error& cause);
  /// False where the queue was closed meanwhile.
  bool Pause(milliseconds pause);
  Status OpenAgain();
  /// Takes over what the storage holds: at least what was acknowledged.
  Status Adopt(const Contents& contents);

  const WriterParts parts_;
  const bool sync_;

  // Of the writing thread.
  std::vector<RecordRow> rows_;
  std::vector<LogPartition*> touched_;
  Deadline next_check_;
  Deadline next_witness_sync_;
  SegmentNumber synced_segment_;  ///< Up to where the witness was synced.
  std::uint64_t synced_bytes_ = 0;

  mutable Mutex mu_;
  Testimony acknowledged_ GUARDED_BY(mu_);

  Counter& groups_total_;
  Counter& records_total_;
  Counter& heals_total_;
  Histogram& sync_seconds_;

  std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace bitacora::event_store::embedded
