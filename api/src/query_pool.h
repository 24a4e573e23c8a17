// The threads on which calls may wait for a disk or for Kafka: never the HTTP workers.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <bitacora/base/bounded_queue.h>

#include "src/router.h"

namespace bitacora::api {

/// Thread-safe.
class QueryPool {
 public:
  QueryPool(std::size_t threads, std::size_t waiting_max);
  ~QueryPool() { Stop(); }

  /// Runs `work` for `call` on a thread of the pool. 503 at once where the queue is full
  /// ("overloaded") and once the pool has stopped ("draining").
  void Run(const CallPtr& call, std::function<void()> work);

  /// As Run, for a call that the pool has run before and that has waited since: no full queue
  /// refuses what was let in.
  void Resume(const CallPtr& call, std::function<void()> work);

  /// Runs `work`, which does not throw, if a thread has nothing to do, else never. For the pool's
  /// own threads, which must not wait for it to begin.
  void Offer(std::function<void()> work);

  /// Runs what is queued and joins the threads. Called once more, it does nothing; not by the
  /// pool's own threads.
  void Stop();

 private:
  void Refuse(Call& call) const;

  const std::size_t size_;
  BoundedQueue<std::function<void()>> queue_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> busy_{0};  ///< Threads that run something.
  std::vector<std::jthread> threads_;
};

}  // namespace bitacora::api
