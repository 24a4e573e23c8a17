// Reads pages of partitions at any offset: for topic reads and drills.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <unordered_map>
#include <vector>

#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

#include "src/kafka/admin.h"
#include "src/kafka/handles.h"

namespace bitacora::event_store::kafka {

/// A few consumers, made when first needed and used again. Each serves one Fetch at a time; a Fetch
/// that finds all busy waits for one. Thread-safe.
///
/// Where a page ended before its partition did, reading is left open for a while: the next page
/// nearly always begins there, and librdkafka has its records already. To begin anew takes some
/// milliseconds, and a whole batch of Kafka's, perhaps a mebibyte, for the few records of it that
/// are still wanted.
class Fetcher {
 public:
  Fetcher(const KafkaLogOptions& options, Metrics& metrics, Admin& admin);
  ~Fetcher();

  /// As Log::Fetch.
  Result<Log::Fetched> Fetch(const TopicPartition& at, Offset from, const Log::FetchLimits& limits)
      EXCLUDES(mu_);

  /// Ends what was left open before the last call of this. To be called every few seconds.
  void DropUnused() EXCLUDES(mu_);

 private:
  struct Consumer;
  class Lease;

  /// The one that was left where a Fetch now begins, or any.
  Result<std::unique_ptr<Consumer>> Acquire(const TopicPartition& at, Offset from,
                                            Deadline deadline) EXCLUDES(mu_);
  void Release(std::unique_ptr<Consumer> consumer) EXCLUDES(mu_);

  // Constant after construction.
  const KafkaLogOptions options_;
  Admin& admin_;
  Counter& records_;

  Mutex mu_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Consumer>> idle_ GUARDED_BY(mu_);
  int made_ GUARDED_BY(mu_) = 0;
  std::atomic<int> turn_{0};  ///< Calls of DropUnused.
};

}  // namespace bitacora::event_store::kafka
