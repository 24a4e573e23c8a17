#include "src/embedded/records.h"

#include <algorithm>
#include <string>

namespace bitacora::event_store::embedded {

Status Records::CheckStart(const PartitionTail& partition, Offset from) {
  if (from < Offset(0)) {
    return Error(ErrorCode::kCorruption,
                 "offset " + std::to_string(from.value) + " is below the first one, 0",
                 "log-head-lost");
  }
  if (const Offset end = partition.end(); from > end) {
    return Error(
        ErrorCode::kCorruption,
        "offset " + std::to_string(from.value) + " is beyond the end, " + std::to_string(end.value),
        "log-moved-backwards");
  }
  return {};
}

Status Records::Read(const PartitionTail& partition, Offset from, const RangeLimits& limits,
                     std::vector<StoredRecord>* out) const {
  const auto blocks = tail_.Find(partition, from, limits.records_max);
  if (blocks.empty()) {
    const Offset end = partition.end();
    if (from >= end) return {};
    return storage_.With(
        [&](const Storage& storage) { return storage.Read(partition.id, from, end, limits, out); });
  }
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const BlockPtr& block : blocks) {
    const auto skip =
        static_cast<std::size_t>(from > block->first() ? from.value - block->first().value : 0);
    for (std::size_t i = skip; i < block->records.size(); ++i) {
      if (count >= limits.records_max || (count > 0 && bytes >= limits.bytes_max)) return {};
      const StoredRecord& record = block->records[i];
      bytes += record.value.size();
      ++count;
      out->push_back(record);
    }
  }
  return {};
}

Status Records::ReadEach(const PartitionTail& partition, std::span<const Offset> offsets,
                         std::vector<StoredRecord>* out) const {
  if (offsets.empty()) return {};
  BITACORA_RETURN_IF_ERROR(CheckStart(partition, offsets.front()));
  if (offsets.back() >= partition.end()) {
    return Error(ErrorCode::kCorruption,
                 "the log has no record at offset " + std::to_string(offsets.back().value),
                 "log-damaged");
  }
  // Older ones from the disk, the newest from memory: it holds all from some record on.
  const std::optional<Offset> in_memory = tail_.First(partition);
  const auto newer =
      in_memory ? std::lower_bound(offsets.begin(), offsets.end(), *in_memory) : offsets.end();
  const auto older = static_cast<std::size_t>(newer - offsets.begin());
  if (older > 0) {
    BITACORA_RETURN_IF_ERROR(storage_.With([&](const Storage& storage) {
      return storage.ReadEach(partition.id, offsets.first(older), out);
    }));
  }
  for (const Offset offset : offsets.subspan(older)) {
    BITACORA_RETURN_IF_ERROR(Read(partition, offset, {1, 1}, out));
  }
  return {};
}

Result<Offset> Records::FindTime(const PartitionTail& partition, std::int64_t wall_ms) const {
  // Times of single records may go back with the clock; "the latest so far" only grows, and the
  // first record where it reaches `wall_ms` is the first whose own time does.
  Offset low(0);
  Offset high = partition.end();
  while (low < high) {
    const Offset middle(low.value + (high.value - low.value) / 2);
    BITACORA_ASSIGN_OR_RETURN(const std::int64_t latest_ms,
                              storage_.With([&](const Storage& storage) {
                                return storage.LatestTime(partition.id, middle);
                              }));
    if (latest_ms < wall_ms) {
      low = middle.Next();
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace bitacora::event_store::embedded
