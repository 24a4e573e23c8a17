// One thread for the slow and rare things, so that no thread in a hurry waits for Kafka.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/thread.h>

namespace bitacora::event_store::kafka {

/// Runs jobs one after the other. Its destructor finishes the running job and those that wait.
class Worker {
 public:
  explicit Worker(std::string name, std::size_t jobs_max = 256)
      : jobs_(jobs_max), thread_(StartThread(std::move(name), [this](std::stop_token) {
          while (auto job = jobs_.Pop()) (*job)();
        })) {}
  ~Worker() { jobs_.Close(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// False where too many wait already: try again later.
  bool TryRun(std::function<void()> job) { return jobs_.TryPush(std::move(job)); }

 private:
  BoundedQueue<std::function<void()>> jobs_;
  std::jthread thread_;  // Last: it uses the queue.
};

}  // namespace bitacora::event_store::kafka
