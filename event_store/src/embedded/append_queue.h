// What waits for the writer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store::embedded {

struct LogPartition;

/// One record on its way, encoded by the thread that appends.
struct PendingAppend {
  LogPartition* partition = nullptr;
  StoredRecord record;    ///< Without offset and time.
  std::string_view body;  ///< Kept by record.bytes.
  Log::AppendCallback callback;
};

/// A topic on its way.
struct PendingTopic {
  TopicName name;
  std::int32_t partitions = 0;
  std::function<void(Status)> callback;
};

struct PendingWork {
  std::vector<PendingAppend> appends;
  std::vector<PendingTopic> topics;
  bool empty() const { return appends.empty() && topics.empty(); }
};

/// Thread-safe. Bounded by records and bytes: a full queue refuses.
class AppendQueue {
 public:
  AppendQueue(std::size_t records_max, std::size_t bytes_max)
      : records_max_(records_max), bytes_max_(bytes_max) {}

  /// kResourceExhausted: full; kUnavailable: closed. `append` is untouched then.
  Status Push(PendingAppend&& append) EXCLUDES(mu_);
  Status Push(PendingTopic&& topic) EXCLUDES(mu_);

  /// Waits for work until `deadline`; takes all there is. Nothing where there was none.
  PendingWork Take(Deadline deadline) EXCLUDES(mu_);

  /// Refuses what comes from now on; what is in it can still be taken.
  void Close() EXCLUDES(mu_);
  bool closed() const EXCLUDES(mu_);

 private:
  Status CheckOpen() const REQUIRES_LOCK(mu_);

  const std::size_t records_max_;
  const std::size_t bytes_max_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  PendingWork work_ GUARDED_BY(mu_);
  std::size_t bytes_ GUARDED_BY(mu_) = 0;
  bool waiting_ GUARDED_BY(mu_) = false;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora::event_store::embedded
