// A queue with a limit between threads that put and threads that take.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>

namespace bitacora {

/// Thread-safe. A full queue refuses; what that means is said where the queue is used.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// False, and `item` untouched, where the queue is full or closed.
  bool TryPush(T&& item) EXCLUDES(mu_) { return Push(std::move(item), capacity_); }

  /// As TryPush, but past the limit: for what was let in before and comes back.
  bool PushAgain(T&& item) EXCLUDES(mu_) { return Push(std::move(item), SIZE_MAX); }

  /// Waits for an item; nothing once the queue is closed and empty.
  std::optional<T> Pop() EXCLUDES(mu_) {
    MutexLock lock(mu_);
    while (items_.empty() && !closed_) lock.Wait(changed_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  /// Waits until there is something or `deadline` passes, then moves all there is, at most `max`,
  /// behind `out`. False once the queue is closed and empty.
  bool PopSome(std::size_t max, Deadline deadline, std::vector<T>* out) EXCLUDES(mu_) {
    MutexLock lock(mu_);
    while (items_.empty() && !closed_) {
      if (!lock.WaitUntil(changed_, deadline)) break;
    }
    if (items_.empty()) return !closed_;
    for (; !items_.empty() && max > 0; --max) {
      out->push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return true;
  }

  /// Refuses what comes from now on; what is in the queue can still be taken.
  void Close() EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  std::size_t size() const EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return items_.size();
  }

 private:
  bool Push(T&& item, std::size_t capacity) EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      if (closed_ || items_.size() >= capacity) return false;
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
    return true;
  }

  const std::size_t capacity_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::deque<T> items_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora
