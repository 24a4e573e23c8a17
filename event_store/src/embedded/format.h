// The embedded log's bytes. docs/formats.md says the same for people; change both or neither, and
// never the meaning of what has been written once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

namespace bitacora::event_store::embedded {

/// Of everything in the directory. A higher number is refused.
inline constexpr std::uint64_t kFormat = 1;
/// kInvalidArgument where `format` is of a newer release.
Status CheckFormat(std::uint64_t format);

/// A topic's number, from 1. Never reused.
using TopicNumber = NamedNumber<struct TopicNumberTag, std::uint32_t>;
/// A segment's number, from 1, without holes.
using SegmentNumber = NamedNumber<struct SegmentNumberTag, std::uint64_t>;

/// A partition by the numbers that records carry.
struct PartitionId {
  TopicNumber topic;
  Partition partition;
  auto operator<=>(const PartitionId&) const = default;
};

// What the payloads of frames say. A segment begins with its header, then all topics and the heads
// of all partitions with records; behind these come records and new topics.

struct SegmentHeader {
  std::string log_id;
  SegmentNumber number;
  /// Frames of the group it begins: the segment counts only where all of them are sound.
  std::uint64_t frames = 0;
  /// How much of the segment before belongs to the log, and the check at its end; 0 for the first.
  std::uint64_t bytes_before = 0;
  std::uint64_t check_before = 0;
};

struct TopicRow {
  TopicName name;
  TopicNumber number;
  std::int32_t partitions = 0;
  std::string incarnation;
};

/// Where a partition's log stands.
struct PartitionHead {
  Offset end;  ///< Behind the last record.
  /// The latest time of all records: grows with the offset, so that a time can be searched for even
  /// where a clock was once ahead.
  std::int64_t latest_time_ms = INT64_MIN;

  bool operator==(const PartitionHead&) const = default;
};
struct HeadRow {
  PartitionId at;
  PartitionHead head;
};

struct RecordRow {
  PartitionId at;
  Offset offset;
  std::int64_t time_ms = 0;
  std::int64_t latest_time_ms = 0;  ///< Of this and all earlier records of the partition.
  std::string_view body;            ///< record_codec.h; elsewhere.
};

void PutPayload(const SegmentHeader& header, std::string* out);
void PutPayload(const TopicRow& topic, std::string* out);
void PutPayload(const HeadRow& head, std::string* out);
void PutPayload(const RecordRow& record, std::string* out);

using Payload = std::variant<SegmentHeader, TopicRow, HeadRow, RecordRow>;
/// kCorruption: it is none of these; kInvalidArgument: of a newer release.
Result<Payload> ReadPayload(std::string_view payload);
/// The same for a payload that must be a record's, without another look at what else it could be.
Result<RecordRow> ReadRecordRow(std::string_view payload);

}  // namespace bitacora::event_store::embedded
