// Reads pages of partitions at any offset: for topic reads and drills.
#pragma once

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
class Fetcher {
 public:
  Fetcher(const KafkaLogOptions& options, Metrics& metrics, Admin& admin);
  ~Fetcher();

  /// As Log::Fetch.
  Result<Log::Fetched> Fetch(const TopicPartition& at, Offset from, const Log::FetchLimits& limits)
      EXCLUDES(mu_);

 private:
  struct Consumer;
  class Lease;

  Result<std::unique_ptr<Consumer>> Acquire(Deadline deadline) EXCLUDES(mu_);
  void Release(std::unique_ptr<Consumer> consumer) EXCLUDES(mu_);

  // Constant after construction.
  const KafkaLogOptions options_;
  Admin& admin_;
  Counter& records_;

  Mutex mu_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Consumer>> idle_ GUARDED_BY(mu_);
  int made_ GUARDED_BY(mu_) = 0;
};

}  // namespace bitacora::event_store::kafka
