#include "src/work_queue.h"

#include <algorithm>

namespace bitacora::consumers {
namespace {

constexpr int kGatherMost = 10;     ///< Of the least.
constexpr int kGatherPerBusy = 10;  ///< So that a tenth of the time is work.

}  // namespace

void WorkQueue::Add(const TopicPartition& at) {
  MutexLock lock(mu_);
  const auto [state, is_new] = states_.try_emplace(at);
  if (is_new) {
    Push(at, Left::kNothing);
  } else if (state->second.is == State::kTaken) {
    state->second.is = State::kTakenAndAdded;
  }
}

std::optional<TopicPartition> WorkQueue::Take() {
  MutexLock lock(mu_);
  while (!closed_) {
    if (queue_.empty()) {
      lock.Wait(changed_);
      continue;
    }
    const auto [due, number] = queue_.begin()->first;
    const Deadline now = clock_.Now();
    if (number > open_until_) {
      if (due > now && hurried_ == 0) {
        lock.WaitUntil(changed_, due);
        continue;
      }
      BeginTurn();
    }
    Queued taken = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    states_[taken.at] = {State::kTaken, now};
    ++taken_;
    more_ -= taken.left == Left::kMore ? 1 : 0;
    // For another worker: only the first of what is queued wakes one.
    if (!queue_.empty() && IsPressing()) changed_.notify_one();
    return std::move(taken.at);
  }
  return std::nullopt;
}

void WorkQueue::Done(const TopicPartition& at, Left left) {
  MutexLock lock(mu_);
  --taken_;
  const auto state = states_.find(at);
  busy_ += clock_.Now() - state->second.taken;
  if (state->second.is == State::kTaken && left == Left::kNothing) {
    states_.erase(state);
    return;
  }
  state->second.is = State::kQueued;
  Push(at, left);
}

void WorkQueue::BeginTurn() {
  open_until_ = last_;
  gather_ = std::clamp(kGatherPerBusy * busy_, gather_least_, kGatherMost * gather_least_);
  busy_ = {};
}

void WorkQueue::Push(const TopicPartition& at, Left left) {
  const bool more = left == Left::kMore;
  const Deadline due = clock_.Now() + (more ? Deadline::duration(0) : gather_);
  const auto added = queue_.emplace(std::pair(due, ++last_), Queued{at, left}).first;
  more_ += more ? 1 : 0;
  // A worker that is at something looks here when it is done.
  if (added == queue_.begin() && (taken_ == 0 || IsPressing())) changed_.notify_one();
}

void WorkQueue::Close() {
  {
    MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.notify_all();
}

WorkQueue::Hurry WorkQueue::BeginHurry(const std::shared_ptr<WorkQueue>& queue) {
  queue->SetHurried(1);
  return {queue.get(), [queue](const void*) { queue->SetHurried(-1); }};
}

void WorkQueue::SetHurried(int by) {
  MutexLock lock(mu_);
  hurried_ += by;
  if (hurried_ > 0 && !queue_.empty()) changed_.notify_one();
}

}  // namespace bitacora::consumers
