#include "src/embedded/tail.h"

#include <algorithm>
#include <utility>

namespace bitacora::event_store::embedded {

void Tail::Publish(PartitionTail& partition, BlockPtr block) {
  std::vector<BlockPtr> dropped;  // Freed without the lock.
  {
    MutexLock lock(mu_);
    bytes_ += block->bytes;
    by_age_.push_back(&partition);
    const Offset end = block->end();
    partition.blocks_.push_back(std::move(block));
    while (bytes_ > bytes_max_) {
      std::deque<BlockPtr>& oldest = by_age_.front()->blocks_;
      bytes_ -= oldest.front()->bytes;
      dropped.push_back(std::move(oldest.front()));
      oldest.pop_front();
      by_age_.pop_front();
    }
    partition.end_.store(end.value, std::memory_order_release);
  }
}

void Tail::MoveEnd(PartitionTail& partition, Offset end) {
  MutexLock lock(mu_);
  // The blocks would no longer reach to the end.
  for (const BlockPtr& block : partition.blocks_) bytes_ -= block->bytes;
  partition.blocks_.clear();
  std::erase(by_age_, &partition);
  partition.end_.store(end.value, std::memory_order_release);
}

void Tail::Announce() {
  MutexLock lock(listeners_mu_);
  for (TailListener* listener : listeners_) listener->OnPublished();
}

std::vector<BlockPtr> Tail::Find(const PartitionTail& partition, Offset from,
                                 std::size_t records_max) const {
  std::vector<BlockPtr> found;
  MutexLock lock(mu_);
  const std::deque<BlockPtr>& blocks = partition.blocks_;
  if (blocks.empty() || from < blocks.front()->first() || from >= partition.end()) return found;
  auto block = std::upper_bound(
      blocks.begin(), blocks.end(), from,
      [](Offset offset, const BlockPtr& candidate) { return offset < candidate->end(); });
  for (std::int64_t records = (*block)->first().value - from.value;
       block != blocks.end() && records < static_cast<std::int64_t>(records_max); ++block) {
    records += static_cast<std::int64_t>((*block)->records.size());
    found.push_back(*block);
  }
  return found;
}

std::optional<Offset> Tail::First(const PartitionTail& partition) const {
  MutexLock lock(mu_);
  if (partition.blocks_.empty()) return std::nullopt;
  return partition.blocks_.front()->first();
}

void Tail::AddListener(TailListener* listener) {
  MutexLock lock(listeners_mu_);
  listeners_.insert(listener);
}

void Tail::RemoveListener(TailListener* listener) {
  MutexLock lock(listeners_mu_);
  listeners_.erase(listener);
}

}  // namespace bitacora::event_store::embedded
