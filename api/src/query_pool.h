// The threads on which calls may wait for a disk or for Kafka: never the HTTP workers.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include <bitacora/base/bounded_queue.h>

#include "src/router.h"

namespace bitacora::api {

/// Thread-safe. Destroying it runs what is queued and joins its threads.
class QueryPool {
 public:
  QueryPool(std::size_t threads, std::size_t waiting_max);
  ~QueryPool();

  /// Runs `work` for `call` on a thread of the pool; a full queue answers 503 "overloaded" at once.
  void Run(const CallPtr& call, std::function<void()> work);

 private:
  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace bitacora::api
