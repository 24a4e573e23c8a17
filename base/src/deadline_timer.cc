#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/thread.h>

namespace bitacora {

DeadlineTimer::DeadlineTimer()
    : thread_(StartThread("timer", [this](const std::stop_token& stop) { Run(stop); })) {}

DeadlineTimer::~DeadlineTimer() {
  {
    MutexLock lock(mu_);
    thread_.request_stop();
  }
  changed_.notify_all();
}

DeadlineTimer::Ticket DeadlineTimer::Schedule(Deadline when, std::function<void()> action) {
  Ticket ticket;
  bool wakes_too_late = false;
  {
    MutexLock lock(mu_);
    ticket = {when, ++last_};
    actions_.emplace(ticket, std::move(action));
    wakes_too_late = when < wakes_at_;
  }
  if (wakes_too_late) changed_.notify_one();
  return ticket;
}

void DeadlineTimer::Cancel(const Ticket& ticket) {
  std::function<void()> dropped;  // Declared first: destroyed without the lock, it may own much.
  MutexLock lock(mu_);
  if (const auto found = actions_.find(ticket); found != actions_.end()) {
    dropped.swap(found->second);
    actions_.erase(found);
  }
}

void DeadlineTimer::Run(const std::stop_token& stop) {
  while (true) {
    std::function<void()> action;
    {
      MutexLock lock(mu_);
      while (!stop.stop_requested() &&
             (actions_.empty() || actions_.begin()->first.first > SystemClock().Now())) {
        if (actions_.empty()) {
          wakes_at_ = Deadline::max();
          lock.Wait(changed_);
        } else {
          wakes_at_ = actions_.begin()->first.first;
          lock.WaitUntil(changed_, wakes_at_);
        }
      }
      if (stop.stop_requested()) return;
      action.swap(actions_.begin()->second);
      actions_.erase(actions_.begin());
    }
    action();
  }
}

}  // namespace bitacora
