// Where a reader stands in a topic: for each partition the next (offset, index), as one token.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

namespace bitacora {

/// The highest partition a token can name, and so the most partitions a topic may have to be
/// followed: 1,024 in all. A token of that many still fits into a request line.
inline constexpr std::int32_t kPositionPartitionMax = 1023;

/// The next event of one partition: the record at `offset`, and within an append of several events
/// the one at `index`.
struct PartitionPosition {
  Offset offset;           ///< 0 or more.
  std::int32_t index = 0;  ///< 0 to kEventsPerRecordMax - 1.
  auto operator<=>(const PartitionPosition&) const = default;
};

/// Sparse: a missing partition means its start when reading, no demand as an at-least.
///
/// The token is opaque to clients: base64url of a format byte, 32 bits of the topic's log id and
/// the entries in order of partition. docs/formats.md has it byte by byte. One of 64 partitions is
/// at most 440 characters long as long as offsets stay below 2^34.
struct Position {
  std::uint32_t log_tag = 0;  ///< TagOfLog(log id of the topic).
  std::map<Partition, PartitionPosition> next;
  bool operator==(const Position&) const = default;
};

/// The first 32 bits of the SHA-256 of `log_id`.
std::uint32_t TagOfLog(std::string_view log_id);

/// Partitions 0 to kPositionPartitionMax and numbers in their ranges only (a BITACORA_CHECK).
std::string FormatPosition(const Position& position);
/// kInvalidArgument ("malformed-position") for any text that FormatPosition never makes: each
/// position has one token. Whether the log tag fits is for the caller to see.
Result<Position> ParsePosition(std::string_view token);

}  // namespace bitacora
