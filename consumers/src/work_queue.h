// Which partitions have something to fold, and who is at it.
#pragma once

#include <condition_variable>
#include <deque>
#include <optional>
#include <stop_token>
#include <unordered_map>

#include <bitacora/base/mutex.h>
#include <bitacora/domain/ids.h>

namespace bitacora::consumers {

/// Thread-safe. A partition is in the queue once, however often it is added, and with one worker at
/// a time; so the queue is bounded by the number of partitions. First come, first served.
class WorkQueue {
 public:
  /// There may be something to do in `at`. Where a worker is at it just now it is queued again
  /// after.
  void Add(const TopicPartition& at) EXCLUDES(mu_);
  /// Waits for work; nothing once the queue is closed. The taker calls Done.
  std::optional<TopicPartition> Take() EXCLUDES(mu_);
  enum class Left { kNothing, kMore };
  void Done(const TopicPartition& at, Left left) EXCLUDES(mu_);
  void Close() EXCLUDES(mu_);

 private:
  enum class State { kQueued, kTaken, kTakenAndAdded };

  Mutex mu_;
  std::condition_variable changed_;
  std::unordered_map<TopicPartition, State> states_ GUARDED_BY(mu_);  ///< Missing: idle.
  std::deque<TopicPartition> queue_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora::consumers
