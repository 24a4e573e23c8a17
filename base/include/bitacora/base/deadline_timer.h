// Runs actions at their deadline, on one thread: the end of every wait that is not a blocked
// thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>

namespace bitacora {

/// Thread-safe. Destroying it drops what has not run, and waits for an action that is running.
class DeadlineTimer {
 public:
  /// Names one scheduled action.
  using Ticket = std::pair<Deadline, std::uint64_t>;

  DeadlineTimer();
  ~DeadlineTimer();
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  /// Runs `action` on the timer's thread soon after `when`; it must not block. It may race with a
  /// Cancel: what it does must be harmless when its reason is gone.
  Ticket Schedule(Deadline when, std::function<void()> action) EXCLUDES(mu_);
  /// Does nothing where the action has run or is running.
  void Cancel(const Ticket& ticket) EXCLUDES(mu_);

 private:
  void Run(const std::stop_token& stop) EXCLUDES(mu_);

  Mutex mu_;
  std::condition_variable changed_;
  std::map<Ticket, std::function<void()>> actions_ GUARDED_BY(mu_);
  std::uint64_t last_ GUARDED_BY(mu_) = 0;
  /// Until when the thread sleeps. Most actions are cancelled and leave it as it is: the thread is
  /// woken for an earlier one only, and not once for each that comes and goes.
  Deadline wakes_at_ GUARDED_BY(mu_) = Deadline::max();
  std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace bitacora
