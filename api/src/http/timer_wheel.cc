#include "src/http/timer_wheel.h"

#include <algorithm>

namespace bitacora::api::http {

void TimerWheel::Entry::Unlink() {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

TimerWheel::TimerWheel(std::chrono::milliseconds tick, Time now)
    : tick_(tick), start_(now), slots_(kSlots) {
  for (Entry& head : slots_) head.previous_ = head.next_ = &head;
}

std::int64_t TimerWheel::TickOf(Time time) const { return (time - start_) / tick_; }

void TimerWheel::Set(Entry* entry, Time deadline) {
  entry->deadline_ = deadline;
  if (deadline == Time::max()) return;  // found out when its slot's turn comes
  const std::int64_t tick = TickOf(deadline) + 1;
  if (entry->next_ == nullptr || tick < entry->tick_) Insert(entry, tick);
}

void TimerWheel::Insert(Entry* entry, std::int64_t tick) {
  entry->Unlink();
  // A deadline beyond the last slot waits there and is put further on when that turn comes.
  entry->tick_ = std::clamp(tick, now_tick_ + 1, now_tick_ + kSlots - 1);
  Entry& head = slots_[static_cast<std::size_t>(entry->tick_ % kSlots)];
  entry->previous_ = head.previous_;
  entry->next_ = &head;
  head.previous_->next_ = entry;
  head.previous_ = entry;
}

void TimerWheel::Advance(Time now, const std::function<void(Entry*)>& expired) {
  const std::int64_t last = TickOf(now);
  // After a long sleep every slot has its turn once; more would find nothing.
  now_tick_ = std::max(now_tick_, last - kSlots);
  while (now_tick_ < last) {
    ++now_tick_;
    Entry& head = slots_[static_cast<std::size_t>(now_tick_ % kSlots)];
    while (head.next_ != &head) {
      Entry* entry = head.next_;
      entry->Unlink();
      if (entry->deadline_ == Time::max()) continue;
      if (entry->deadline_ >= now) {
        Insert(entry, TickOf(entry->deadline_) + 1);
        continue;
      }
      entry->deadline_ = Time::max();
      expired(entry);
    }
  }
}

}  // namespace bitacora::api::http
