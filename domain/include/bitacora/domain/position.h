// Where a reader stands in a topic: for each partition the next (offset, index), as one token.
#pragma once

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bitacora {

/// The next event of one partition: the record at `offset`, and within an append of several events
/// the one at `index`.
struct PartitionPosition {
  Offset offset;
  std::int32_t index = 0;
  auto operator<=>(const PartitionPosition&) const = default;
};

/// Sparse: a missing partition means its start when reading, no demand as an at-least.
///
/// The token is opaque to clients: base64url of a format byte, 32 bits of the topic's log id and the
/// entries in order of partition. docs/formats.md has it byte by byte.
struct Position {
  std::uint32_t log_tag = 0;  ///< TagOfLog(log id of the topic).
  std::map<Partition, PartitionPosition> next;
  bool operator==(const Position&) const = default;
};

std::uint32_t TagOfLog(std::string_view log_id);

std::string FormatPosition(const Position& position);
/// kInvalidArgument ("malformed-position") for text FormatPosition never makes, entries out of order
/// or doubled, partitions beyond 63, negative or overflowing offsets.
Result<Position> ParsePosition(std::string_view token);

}  // namespace bitacora
