// A mutex whose rules clang checks (-Wthread-safety): a member marked GUARDED_BY(mu_) is touched
// only where mu_ is held.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BITACORA_TSA(x) __attribute__((x))
#else
#define BITACORA_TSA(x)
#endif
#define GUARDED_BY(mu) BITACORA_TSA(guarded_by(mu))
// Pistache has a macro REQUIRES.
#define REQUIRES_LOCK(mu) BITACORA_TSA(requires_capability(mu))
#define EXCLUDES(mu) BITACORA_TSA(locks_excluded(mu))

namespace bitacora {

class BITACORA_TSA(capability("mutex")) Mutex {
 public:
  void Lock() BITACORA_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() BITACORA_TSA(release_capability()) { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds the mutex for its scope; Wait gives it up meanwhile.
class BITACORA_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BITACORA_TSA(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~MutexLock() BITACORA_TSA(release_capability()) {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  /// Until somebody notifies; check the condition in a loop, it may also wake for nothing.
  void Wait(std::condition_variable& changed) { changed.wait(lock_); }
  /// As Wait; false once `deadline` has passed.
  bool WaitUntil(std::condition_variable& changed, std::chrono::steady_clock::time_point deadline) {
    return changed.wait_until(lock_, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace bitacora
