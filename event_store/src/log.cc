#include <string>
#include <utility>

#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

std::string_view DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kOneCopy:
      return "one-copy";
    case Durability::kOneDisk:
      return "one-disk";
    case Durability::kReplicated:
      return "replicated";
  }
  BITACORA_CHECK(false, "unknown Durability");
}

Result<std::vector<StoredRecord>> Log::FetchEach(const TopicPartition& at,
                                                 std::span<const Offset> offsets) {
  std::vector<StoredRecord> records;
  records.reserve(offsets.size());
  for (const Offset offset : offsets) {
    BITACORA_ASSIGN_OR_RETURN(Fetched fetched, Fetch(at, offset, {1, 1}));
    if (fetched.records.empty() || fetched.records.front().offset != offset) {
      return Error(ErrorCode::kCorruption,
                   "the log has no record at offset " + std::to_string(offset.value),
                   "log-damaged");
    }
    records.push_back(std::move(fetched.records.front()));
  }
  return records;
}

Result<std::vector<Log::Bounds>> Log::BoundsOf(const TopicName& topic, std::int32_t partitions) {
  std::vector<Bounds> bounds;
  for (std::int32_t number = 0; number < partitions; ++number) {
    const TopicPartition at{topic, Partition(number)};
    BITACORA_ASSIGN_OR_RETURN(const Offset earliest, Earliest(at));
    BITACORA_ASSIGN_OR_RETURN(const Offset latest, Latest(at));
    bounds.push_back({earliest, latest});
  }
  return bounds;
}

}  // namespace bitacora::event_store
