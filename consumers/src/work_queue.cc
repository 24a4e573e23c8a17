#include "src/work_queue.h"

#include <algorithm>

namespace bitacora::consumers {
namespace {

constexpr int kGatherMost = 10;   ///< Of the least.
constexpr int kTimePerBusy = 10;  ///< So that a tenth of the time is work.

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
    const Deadline now = clock_.Now();
    if (!gathered_.empty() && (hurried_ > 0 || gathered_.begin()->first.first <= now)) BeginTurn();
    if (!ready_.empty()) {
      Ready taken = std::move(ready_.begin()->second);
      ready_.erase(ready_.begin());
      states_[taken.at] = {State::kTaken, now};
      ++taken_;
      more_ -= taken.left == Left::kMore ? 1 : 0;
      // For another worker: only the first of what is queued wakes one.
      if (!ready_.empty() && IsPressing()) changed_.notify_one();
      return std::move(taken.at);
    }
    if (gathered_.empty()) {
      lock.Wait(changed_);
    } else {
      lock.WaitUntil(changed_, gathered_.begin()->first.first);
    }
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
  for (auto& [when, at] : gathered_) ready_.emplace(when.second, Ready{std::move(at)});
  gathered_.clear();
  rest_until_ = clock_.Now() + kTimePerBusy * busy_;
  busy_ = {};
}

Deadline WorkQueue::Due() const {
  const Deadline now = clock_.Now();
  return std::clamp(rest_until_, now + gather_, now + kGatherMost * gather_);
}

void WorkQueue::Push(const TopicPartition& at, Left left) {
  const Number number = ++last_;
  bool is_first = false;
  if (left == Left::kMore) {
    is_first = ready_.empty();
    ready_.emplace(number, Ready{at, left});
    ++more_;
  } else {
    const auto added = gathered_.emplace(std::pair(Due(), number), at).first;
    is_first = added == gathered_.begin() && ready_.empty();
  }
  // A worker that is at something looks here when it is done.
  if (is_first && (taken_ == 0 || IsPressing())) changed_.notify_one();
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
  if (hurried_ > 0 && !(gathered_.empty() && ready_.empty())) changed_.notify_one();
}

}  // namespace bitacora::consumers
