// Which partitions have something to fold, and who is at it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>
#include <bitacora/domain/ids.h>

namespace bitacora::consumers {

/// Thread-safe. A partition is in the queue once, however often it is added, and with one worker at
/// a time; so the queue is bounded by the number of partitions. First come, first served.
class WorkQueue {
 public:
  /// What was added waits for `gather`, so that what comes meanwhile is one piece of work with it:
  /// else each event of a steady trickle is a wake-up and a batch of its own. Where workers are at
  /// it for more than a tenth of the time it waits longer, up to ten times as long: events of one
  /// key that are gathered together are one change of its document.
  explicit WorkQueue(milliseconds gather = {}, const Clock& clock = SystemClock())
      : clock_(clock), gather_least_(gather), gather_(gather) {}

  /// There may be something to do in `at`. Where a worker is at it just now it is queued again
  /// after.
  void Add(const TopicPartition& at) EXCLUDES(mu_);
  /// Waits for work; nothing once the queue is closed. The taker calls Done.
  std::optional<TopicPartition> Take() EXCLUDES(mu_);
  /// What is left is not gathered for.
  enum class Left { kNothing, kMore };
  void Done(const TopicPartition& at, Left left) EXCLUDES(mu_);
  void Close() EXCLUDES(mu_);

  /// While one of these lives, somebody waits for the work, and nothing is gathered for.
  using Hurry = std::shared_ptr<const void>;
  static Hurry BeginHurry(const std::shared_ptr<WorkQueue>& queue);

 private:
  struct State {
    enum { kQueued, kTaken, kTakenAndAdded } is = kQueued;
    Deadline taken;  ///< When, if it is.
  };

  struct Queued {
    TopicPartition at;
    Left left = Left::kNothing;  ///< Of the work before.
  };

  void Push(const TopicPartition& at, Left left) REQUIRES_LOCK(mu_);
  /// Whether there is work for more than the workers that are at it: else each waits for what the
  /// one before it will take anyway.
  bool IsPressing() const REQUIRES_LOCK(mu_) { return more_ > 0 || hurried_ > 0; }
  void SetHurried(int by) EXCLUDES(mu_);
  /// All that is queued now may be taken: a turn begins.
  void BeginTurn() REQUIRES_LOCK(mu_);

  const Clock& clock_;
  const Deadline::duration gather_least_;
  Mutex mu_;
  std::condition_variable changed_;
  std::unordered_map<TopicPartition, State> states_ GUARDED_BY(mu_);  ///< Missing: idle.
  /// By when they may be taken, and then in the order in which they came.
  std::map<std::pair<Deadline, std::uint64_t>, Queued> queue_ GUARDED_BY(mu_);
  std::size_t more_ GUARDED_BY(mu_) = 0;   ///< Of these, those that were left with more to do.
  std::size_t taken_ GUARDED_BY(mu_) = 0;  ///< Workers that are at something.
  std::uint64_t last_ GUARDED_BY(mu_) = 0;
  /// Once one was waited for, all that came before that moment are taken with it.
  std::uint64_t open_until_ GUARDED_BY(mu_) = 0;
  Deadline::duration gather_ GUARDED_BY(mu_);
  Deadline::duration busy_ GUARDED_BY(mu_){};  ///< All workers, in this turn.
  int hurried_ GUARDED_BY(mu_) = 0;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora::consumers
