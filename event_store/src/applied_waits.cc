#include <algorithm>
#include <utility>

#include <bitacora/event_store/applied_waits.h>

namespace bitacora::event_store {

struct AppliedWaits::Shared {
  struct Waiter {
    Position position;
    WaitFor wait;
    Callback callback;
    DeadlineTimer::Ticket ticket;
  };

  bool Fulfilled(const Position& position, WaitFor wait) const REQUIRES_LOCK(mu) {
    return wait == WaitFor::kAll ? AllBefore(position) : AnyBehind(position);
  }

  bool AllBefore(const Position& position) const REQUIRES_LOCK(mu) {
    return std::all_of(position.next.begin(), position.next.end(), [this](const auto& entry) {
      const auto at = static_cast<std::size_t>(entry.first.value);
      // A place inside an append asks for the whole record.
      const Offset wanted =
          entry.second.index > 0 ? entry.second.offset.Next() : entry.second.offset;
      return at >= applied.size() || applied[at] >= wanted;
    });
  }

  bool AnyBehind(const Position& position) const REQUIRES_LOCK(mu) {
    for (std::size_t at = 0; at < applied.size(); ++at) {
      const auto named = position.next.find(Partition(static_cast<std::int32_t>(at)));
      const Offset from = named == position.next.end() ? Offset(0) : named->second.offset;
      if (applied[at] > from) return true;
    }
    return false;
  }

  Mutex mu;
  std::vector<Offset> applied GUARDED_BY(mu);
  std::list<Waiter> waiters GUARDED_BY(mu);
  bool closed GUARDED_BY(mu) = false;
};

AppliedWaits::AppliedWaits(std::int32_t partitions, DeadlineTimer& timer)
    : shared_(std::make_shared<Shared>()), timer_(timer) {
  MutexLock lock(shared_->mu);
  shared_->applied.resize(static_cast<std::size_t>(partitions));
}

void AppliedWaits::Close() {
  std::list<Shared::Waiter> left;
  {
    MutexLock lock(shared_->mu);
    shared_->closed = true;
    left.swap(shared_->waiters);
  }
  for (Shared::Waiter& waiter : left) {
    timer_.Cancel(waiter.ticket);
    waiter.callback(false);
  }
}

void AppliedWaits::Advance(Partition partition, Offset next) {
  std::list<Shared::Waiter> fulfilled;
  {
    MutexLock lock(shared_->mu);
    Offset& applied = shared_->applied.at(static_cast<std::size_t>(partition.value));
    if (next <= applied) return;
    applied = next;
    for (auto waiter = shared_->waiters.begin(); waiter != shared_->waiters.end();) {
      const auto current = waiter++;
      if (shared_->Fulfilled(current->position, current->wait)) {
        fulfilled.splice(fulfilled.end(), shared_->waiters, current);
      }
    }
  }
  for (Shared::Waiter& waiter : fulfilled) {
    timer_.Cancel(waiter.ticket);
    waiter.callback(true);
  }
}

std::vector<Offset> AppliedWaits::Applied() const {
  MutexLock lock(shared_->mu);
  return shared_->applied;
}

void AppliedWaits::Wait(const Position& position, WaitFor wait, Deadline deadline,
                        Callback callback) {
  bool fulfilled = false;
  {
    MutexLock lock(shared_->mu);
    fulfilled = shared_->Fulfilled(position, wait);
    if (!fulfilled && !shared_->closed) {
      const auto waiter = shared_->waiters.insert(shared_->waiters.end(),
                                                  {position, wait, std::move(callback), {}});
      // Scheduled under the lock: Advance must find the ticket. The action finds the waiter by its
      // ticket, since the list's node may be gone by then.
      auto ticket = std::make_shared<DeadlineTimer::Ticket>();
      waiter->ticket = timer_.Schedule(deadline, [shared = shared_, ticket] {
        std::list<Shared::Waiter> late;
        {
          MutexLock relock(shared->mu);
          const auto found = std::find_if(
              shared->waiters.begin(), shared->waiters.end(),
              [&](const Shared::Waiter& candidate) { return candidate.ticket == *ticket; });
          if (found != shared->waiters.end()) {
            late.splice(late.end(), shared->waiters, found);
          }
        }
        for (Shared::Waiter& expired : late) expired.callback(false);
      });
      *ticket = waiter->ticket;
      return;
    }
  }
  callback(fulfilled);
}

}  // namespace bitacora::event_store
