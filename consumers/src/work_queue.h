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
/// a time; so the queue is bounded by the number of partitions. First come, first served, but for
/// what waits for more to come.
class WorkQueue {
 public:
  /// What was added waits for `gather`, so that what comes meanwhile is one piece of work with it:
  /// else each event of a steady trickle is a wake-up and a batch of its own. It waits longer, up
  /// to ten times as long, where workers would be at it for more than a tenth of the time: events
  /// of one key that are gathered together are one change of its document.
  explicit WorkQueue(milliseconds gather = {}, const Clock& clock = SystemClock())
      : clock_(clock), gather_(gather) {}

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
  /// A number of arrival.
  using Number = std::uint64_t;
  struct Ready {
    TopicPartition at;
    Left left = Left::kNothing;  ///< Of the work before.
  };

  void Push(const TopicPartition& at, Left left) REQUIRES_LOCK(mu_);
  /// By when what is added now may be taken.
  Deadline Due() const REQUIRES_LOCK(mu_);
  /// All that was gathered is ready: a turn begins.
  void BeginTurn() REQUIRES_LOCK(mu_);
  /// Whether there is work for more than the workers that are at it: else each waits for what the
  /// one before it will take anyway.
  bool IsPressing() const REQUIRES_LOCK(mu_) { return more_ > 0 || hurried_ > 0; }
  void SetHurried(int by) EXCLUDES(mu_);

  const Clock& clock_;
  const Deadline::duration gather_;
  Mutex mu_;
  std::condition_variable changed_;
  std::unordered_map<TopicPartition, State> states_ GUARDED_BY(mu_);  ///< Missing: idle.
  std::map<std::pair<Deadline, Number>, TopicPartition> gathered_ GUARDED_BY(mu_);  ///< By due.
  std::map<Number, Ready> ready_ GUARDED_BY(mu_);
  std::size_t more_ GUARDED_BY(mu_) = 0;   ///< Ready, and left with more to do.
  std::size_t taken_ GUARDED_BY(mu_) = 0;  ///< Workers that are at something.
  Number last_ GUARDED_BY(mu_) = 0;
  /// The next turn should not begin before: ten times as long after this one as the one before took
  /// of workers' time. Of this one that is not known before it is over.
  Deadline rest_until_ GUARDED_BY(mu_){};
  Deadline::duration busy_ GUARDED_BY(mu_){};  ///< All workers, in this turn.
  int hurried_ GUARDED_BY(mu_) = 0;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora::consumers
