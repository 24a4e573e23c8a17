// The embedded log's bytes. docs/formats.md says the same for people; change both or neither, and
// never the meaning of what has been written once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

namespace bitacora::event_store::embedded {

/// Of everything in the directory. A higher number is refused.
inline constexpr std::uint64_t kFormat = 1;

/// A topic's number; 0 is the catalog's. Never reused.
using TopicNumber = NamedNumber<struct TopicNumberTag, std::uint32_t>;

// Keys. Those of records sort by topic, partition and offset; the catalog stands before them.
std::string FormatKey();
std::string LogIdKey();
std::string TopicKey(const TopicName& topic);
std::string RecordKey(TopicNumber topic, Partition partition, Offset offset);
/// Where the offsets of RecordKeys are found.
inline constexpr std::size_t kRecordKeyBytes = 16;

struct TopicRow {
  TopicName name;
  TopicNumber number;
  std::int32_t partitions = 0;
  std::string incarnation;
};
std::string EncodeTopicRow(const TopicRow& row);
/// kCorruption.
Result<TopicRow> DecodeTopicRow(std::string_view key, std::string_view value);
/// What all TopicKeys begin with.
std::string_view TopicKeyPrefix();

/// What the writer adds to a record when it gives it its place.
struct Stamp {
  /// Hash over this and all earlier records of the partition: tells that nothing between two
  /// records was lost, changed or put in another order. Finds accidents; it is no signature.
  std::uint64_t chain = 0;
  std::int64_t time_ms = 0;
  /// The latest time of this and all earlier records of the partition: grows with the offset, so
  /// that a time can be searched for even where a clock was once ahead.
  std::int64_t latest_time_ms = 0;
};

/// A hash of a body (record_codec.h), the part of the chain that needs the bytes.
std::uint64_t DigestOfBody(std::string_view body);
/// The chain behind a record, from the chain before it (0 for the first).
std::uint64_t NextChain(std::uint64_t chain_before, Offset offset, std::int64_t time_ms,
                        std::uint64_t body_digest);

/// What is stored under a RecordKey is the stamp, then the body.
void PutStamp(const Stamp& stamp, std::string* out);

struct DecodedValue {
  Stamp stamp;
  std::string_view body;
};
/// kCorruption: it does not begin with a stamp. The body is not looked at.
Result<DecodedValue> SplitValue(std::string_view value);

/// A hash of bytes, for accidents and not against malice; the same on every machine.
std::uint64_t HashOf(std::string_view bytes, std::uint64_t seed);

}  // namespace bitacora::event_store::embedded
