#include "src/work_queue.h"

#include <utility>

namespace bitacora::consumers {

void WorkQueue::Add(const TopicPartition& at) {
  {
    MutexLock lock(mu_);
    const auto [state, is_new] = states_.try_emplace(at, State::kQueued);
    if (!is_new) {
      if (state->second == State::kTaken) state->second = State::kTakenAndAdded;
      return;
    }
    queue_.push_back(at);
  }
  changed_.notify_one();
}

std::optional<TopicPartition> WorkQueue::Take() {
  MutexLock lock(mu_);
  while (queue_.empty() && !closed_) lock.Wait(changed_);
  if (closed_) return std::nullopt;
  TopicPartition at = std::move(queue_.front());
  queue_.pop_front();
  states_[at] = State::kTaken;
  return at;
}

void WorkQueue::Done(const TopicPartition& at, Left left) {
  {
    MutexLock lock(mu_);
    const auto state = states_.find(at);
    if (state->second == State::kTaken && left == Left::kNothing) {
      states_.erase(state);
      return;
    }
    state->second = State::kQueued;
    queue_.push_back(at);
  }
  changed_.notify_one();
}

void WorkQueue::Close() {
  {
    MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace bitacora::consumers
