#include <limits>

#include <bitacora/base/check.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/sha256.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/position.h>

namespace bitacora {
namespace {

constexpr char kFormat = 1;

/// The longest token there is: every partition, each number at its widest.
constexpr std::size_t kTokenCharactersMax = (std::size_t{kPositionPartitionMax} + 1) * 16 + 64;

using Entry = std::map<Partition, PartitionPosition>::const_iterator;

/// The first entry behind `begin` that does not follow its predecessor at once.
Entry EndOfRun(Entry begin, Entry end) {
  Entry last = begin;
  for (Entry next = std::next(begin); next != end && next->first == last->first.Next(); ++next) {
    last = next;
  }
  return std::next(last);
}

/// The offset doubled, plus one where an index follows: it rarely does.
void PutPlace(std::string* bytes, const PartitionPosition& place) {
  BITACORA_CHECK(
      place.offset.value >= 0 && place.index >= 0 &&
          place.index < static_cast<std::int32_t>(kEventsPerRecordMax),
      "no place: " + std::to_string(place.offset.value) + "+" + std::to_string(place.index));
  const auto doubled = static_cast<std::uint64_t>(place.offset.value) << 1;
  PutVarint(bytes, doubled | static_cast<std::uint64_t>(place.index != 0));
  if (place.index != 0) PutVarint(bytes, static_cast<std::uint64_t>(place.index));
}

/// Nothing where the bytes are none; those that are not as PutPlace writes them pass.
std::optional<PartitionPosition> ReadPlace(Decoder* bytes) {
  const std::uint64_t doubled = bytes->Varint();
  const std::uint64_t index = (doubled & 1) != 0 ? bytes->Varint() : 0;
  if (!bytes->ok() || index >= kEventsPerRecordMax) return std::nullopt;
  return PartitionPosition{Offset(static_cast<std::int64_t>(doubled >> 1)),
                           static_cast<std::int32_t>(index)};
}

/// Nothing where the bytes are no position; one whose bytes are not canonical passes.
std::optional<Position> ReadPosition(std::string_view text) {
  constexpr std::uint64_t kPartitions = std::uint64_t{kPositionPartitionMax} + 1;
  Decoder bytes(text);
  if (bytes.Raw(1) != std::string_view(&kFormat, 1)) return std::nullopt;
  Position position;
  position.log_tag = bytes.BigEndian32();
  std::uint64_t partition = 0;
  while (bytes.ok() && !bytes.rest().empty()) {
    const std::uint64_t gap = bytes.Varint();
    const std::uint64_t length = bytes.Varint();
    if (gap > kPartitions || length > kPartitions || partition + gap + length > kPartitions) {
      return std::nullopt;
    }
    partition += gap;
    for (const std::uint64_t end = partition + length; partition < end; ++partition) {
      const auto place = ReadPlace(&bytes);
      if (!place) return std::nullopt;
      position.next.emplace_hint(position.next.end(), static_cast<std::int32_t>(partition), *place);
    }
  }
  return bytes.ok() ? std::optional(std::move(position)) : std::nullopt;
}

}  // namespace

std::uint32_t TagOfLog(std::string_view log_id) {
  const Sha256Digest digest = HashSha256(log_id);
  return Decoder(AsBytes(digest)).BigEndian32();
}

std::string FormatPosition(const Position& position) {
  std::string bytes(1, kFormat);
  PutBigEndian32(&bytes, position.log_tag);
  std::int32_t passed = 0;  // Partitions that have been written or skipped.
  for (Entry run = position.next.begin(); run != position.next.end();) {
    const Entry end = EndOfRun(run, position.next.end());
    BITACORA_CHECK(run->first.value >= 0 && std::prev(end)->first.value <= kPositionPartitionMax,
                   "partition " + std::to_string(std::prev(end)->first.value));
    PutVarint(&bytes, static_cast<std::uint64_t>(run->first.value - passed));
    PutVarint(&bytes, static_cast<std::uint64_t>(std::distance(run, end)));
    passed = std::prev(end)->first.value + 1;
    for (; run != end; ++run) PutPlace(&bytes, run->second);
  }
  return Base64UrlEncode(bytes);
}

Result<Position> ParsePosition(std::string_view token) {
  if (token.size() <= kTokenCharactersMax) {
    if (const auto bytes = Base64UrlDecode(token)) {
      auto position = ReadPosition(*bytes);
      if (position && FormatPosition(*position) == token) return *std::move(position);
    }
  }
  return Error(ErrorCode::kInvalidArgument, "this is no position that Bitacora gave out",
               "malformed-position");
}

}  // namespace bitacora
