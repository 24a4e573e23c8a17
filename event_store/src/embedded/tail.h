// The end of each partition: its offsets and, in memory, the records written last.
#pragma once

#include <bitacora/base/mutex.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace bitacora::event_store {

/// One partition of the embedded log. Members are guarded by its Tail's lock.
struct TailPartition {
  std::uint32_t topic = 0;
  TopicPartition at;
  Offset end;                        ///< Behind the last durable record.
  std::int64_t last_time_ms = 0;     ///< Times never go back within a partition.
  std::deque<StoredRecord> recent;   ///< The last ones before `end`, without gaps.
};

/// What the writer has made durable, for the readers. Thread-safe.
class Tail {
 public:
  explicit Tail(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void Add(TailPartition partition);
  /// nullptr: no such partition. Stays valid as long as the tail.
  TailPartition* Find(const TopicPartition& at);
  Offset End(const TailPartition& partition) const;
  std::int64_t LastTime(const TailPartition& partition) const;

  struct Written {
    TailPartition* partition;
    StoredRecord record;
    std::size_t bytes;
  };
  /// Shows readers what is durable now, and wakes them once.
  void Publish(std::vector<Written> written);

  /// Copies at most `max` records from `from` on, if they are all in memory; false where the first is
  /// not.
  bool Read(const TailPartition& partition, Offset from, std::size_t max, std::size_t bytes_max,
            std::vector<StoredRecord>* out) const;

  /// For readers: a number that grows with each Publish, and a way to wait for the next.
  std::uint64_t generation() const;
  /// Until the generation is not `seen` any more, `interrupted` is set, or the deadline.
  void Wait(std::uint64_t seen, const bool& interrupted,
            std::chrono::steady_clock::time_point deadline);
  /// Sets `flag` (which Wait looks at) and wakes.
  void Interrupt(bool* flag);
  void Clear(bool* flag);

 private:
  struct Kept {
    TailPartition* partition;
    std::size_t bytes;
  };

  const std::size_t bytes_max_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::unordered_map<TopicPartition, std::unique_ptr<TailPartition>> partitions_ GUARDED_BY(mu_);
  std::deque<Kept> kept_ GUARDED_BY(mu_);  ///< In the order written, oldest first.
  std::size_t bytes_ GUARDED_BY(mu_) = 0;
  std::uint64_t generation_ GUARDED_BY(mu_) = 0;
};

}  // namespace bitacora::event_store
