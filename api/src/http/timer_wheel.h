// Time-outs of many connections, coarsely and cheaply.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace bitacora::api::http {

/// Calls back for each entry whose deadline has passed, up to one tick late. A deadline that moves
/// away costs one store, as an entry stays in its slot and is looked at again when that slot's turn
/// comes; only one that moves nearer changes its place. Not thread-safe.
class TimerWheel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Part of what it times. Leaves the wheel when destroyed.
  class Entry {
   public:
    Entry() = default;
    ~Entry() { Unlink(); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    Time deadline() const { return deadline_; }

   private:
    friend class TimerWheel;
    void Unlink();

    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
    std::int64_t tick_ = 0;  // whose slot it stands in
    Time deadline_ = Time::max();
  };

  TimerWheel(std::chrono::milliseconds tick, Time now);

  std::chrono::milliseconds tick() const { return tick_; }

  /// Time::max() is no deadline.
  void Set(Entry* entry, Time deadline);

  /// Calls `expired` for every entry with a deadline before `now`; the entry has none then, and the
  /// call may set one or destroy the entry, but no other.
  void Advance(Time now, const std::function<void(Entry*)>& expired);

 private:
  static constexpr std::int64_t kSlots = 512;

  std::int64_t TickOf(Time time) const;
  void Insert(Entry* entry, std::int64_t tick);

  const std::chrono::milliseconds tick_;
  const Time start_;
  std::int64_t now_tick_ = 0;  // all slots up to here have had their turn
  std::vector<Entry> slots_;   // heads of circular lists
};

}  // namespace bitacora::api::http
