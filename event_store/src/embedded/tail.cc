#include "src/embedded/tail.h"

#include <utility>

namespace bitacora::event_store {

void Tail::Add(TailPartition partition) {
  MutexLock lock(mu_);
  const TopicPartition at = partition.at;
  partitions_[at] = std::make_unique<TailPartition>(std::move(partition));
}

TailPartition* Tail::Find(const TopicPartition& at) {
  MutexLock lock(mu_);
  const auto found = partitions_.find(at);
  return found == partitions_.end() ? nullptr : found->second.get();
}

Offset Tail::End(const TailPartition& partition) const {
  MutexLock lock(mu_);
  return partition.end;
}

std::int64_t Tail::LastTime(const TailPartition& partition) const {
  MutexLock lock(mu_);
  return partition.last_time_ms;
}

void Tail::Publish(std::vector<Written> written) {
  {
    MutexLock lock(mu_);
    for (Written& one : written) {
      TailPartition& partition = *one.partition;
      partition.end = one.record.offset.Next();
      partition.last_time_ms = one.record.timestamp_ms;
      partition.recent.push_back(std::move(one.record));
      kept_.push_back({&partition, one.bytes});
      bytes_ += one.bytes;
    }
    while (bytes_ > bytes_max_ && !kept_.empty()) {
      kept_.front().partition->recent.pop_front();
      bytes_ -= kept_.front().bytes;
      kept_.pop_front();
    }
    ++generation_;
  }
  changed_.notify_all();
}

bool Tail::Read(const TailPartition& partition, Offset from, std::size_t max,
                std::size_t bytes_max, std::vector<StoredRecord>* out) const {
  MutexLock lock(mu_);
  if (from >= partition.end) return true;
  if (partition.recent.empty() || from < partition.recent.front().offset) return false;
  auto at = static_cast<std::size_t>(from.value - partition.recent.front().offset.value);
  std::size_t bytes = 0;
  for (; at < partition.recent.size() && max > 0 && bytes < bytes_max; ++at, --max) {
    bytes += partition.recent[at].value.size();
    out->push_back(partition.recent[at]);
  }
  return true;
}

std::uint64_t Tail::generation() const {
  MutexLock lock(mu_);
  return generation_;
}

void Tail::Wait(std::uint64_t seen, const bool& interrupted,
                std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mu_);
  while (generation_ == seen && !interrupted) {
    if (!lock.WaitUntil(changed_, deadline)) return;
  }
}

void Tail::Interrupt(bool* flag) {
  {
    MutexLock lock(mu_);
    *flag = true;
  }
  changed_.notify_all();
}

void Tail::Clear(bool* flag) {
  MutexLock lock(mu_);
  *flag = false;
}

}  // namespace bitacora::event_store
