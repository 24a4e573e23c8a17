// Waiting until something has been applied: of the fold, and of read models alike.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/mutex.h>
#include <bitacora/domain/position.h>

namespace bitacora::event_store {

enum class WaitFor {
  kAll,  ///< Everything before the position, in every partition it names.
  kAny,  ///< Something at or behind the position, in any partition; one not named counts from its
         ///< start.
};

/// The applied offsets of one topic and those who wait for them to grow. Thread-safe. `timer` must
/// outlive it, and callbacks may come from the timer's thread, from Advance's or from Wait's.
class AppliedWaits {
 public:
  using Callback = std::function<void(bool fulfilled)>;

  AppliedWaits(std::int32_t partitions, DeadlineTimer& timer);
  ~AppliedWaits() { Close(); }
  AppliedWaits(const AppliedWaits&) = delete;
  AppliedWaits& operator=(const AppliedWaits&) = delete;

  /// Answers all who wait with false, and from now on whoever would have to.
  void Close();

  /// Everything before `next` is applied in `partition`. Never goes back.
  void Advance(Partition partition, Offset next);
  std::vector<Offset> Applied() const;

  /// Calls back once: true when fulfilled (at once, where it is already), false at `deadline`.
  void Wait(const Position& position, WaitFor wait, Deadline deadline, Callback callback);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // With the timer's pending actions, which may outlive this.
  DeadlineTimer& timer_;
};

}  // namespace bitacora::event_store
