#include <bitacora/domain/record.h>

namespace bitacora {
namespace {

/// MurmurHash2 (Austin Appleby, public domain) with the seed of Kafka's Java client.
std::uint32_t Murmur2(std::string_view key) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(key[i]));
  };
  std::uint32_t hash = 0x9747b28cU ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    std::uint32_t word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
  }
  const std::size_t rest = key.size() - at;
  if (rest >= 3) hash ^= byte(at + 2) << 16;
  if (rest >= 2) hash ^= byte(at + 1) << 8;
  if (rest >= 1) hash = (hash ^ byte(at)) * kMultiplier;
  hash = (hash ^ (hash >> 13)) * kMultiplier;
  return hash ^ (hash >> 15);
}

}  // namespace

std::optional<std::string_view> StoredRecord::FindHeader(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const RecordHeaderView& header : headers) {
    if (header.name != name) continue;
    if (found) return std::nullopt;
    found = header.value;
  }
  return found;
}

StoredRecord MakeStoredRecord(Offset offset, std::int64_t timestamp_ms, Record record) {
  auto owned = std::make_shared<const Record>(std::move(record));
  StoredRecord stored;
  stored.offset = offset;
  stored.timestamp_ms = timestamp_ms;
  if (owned->key) stored.key = *owned->key;
  stored.value = owned->value;
  stored.headers.reserve(owned->headers.size());
  for (const RecordHeader& header : owned->headers) {
    stored.headers.push_back({header.name, header.value});
  }
  stored.bytes = std::move(owned);
  return stored;
}

Partition PartitionOf(std::string_view key, std::int32_t partitions) {
  const std::uint32_t positive = Murmur2(key) & 0x7FFFFFFF;
  return Partition(static_cast<std::int32_t>(positive % static_cast<std::uint32_t>(partitions)));
}

}  // namespace bitacora
