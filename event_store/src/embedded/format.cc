#include "src/embedded/format.h"

#include <bitacora/base/encoding.h>

namespace bitacora::event_store::embedded {
namespace {

enum class Kind : char { kHeader = 'S', kTopic = 'T', kHead = 'H', kRecord = 'R' };

constexpr std::uint64_t kPartitionsMax = 64;

void PutKind(Kind kind, std::string* out) { out->push_back(static_cast<char>(kind)); }

void PutAt(const PartitionId& at, std::string* out) {
  PutVarint(out, at.topic.value);
  PutVarint(out, static_cast<std::uint64_t>(at.partition.value));
}

Error NotReadable() {
  return Error(ErrorCode::kCorruption, "a frame is not readable", "log-damaged");
}

/// Nothing where it cannot be.
std::optional<PartitionId> ReadAt(Decoder* decoder) {
  const std::uint64_t topic = decoder->Varint();
  const std::uint64_t partition = decoder->Varint();
  if (!decoder->ok() || topic < 1 || topic > UINT32_MAX || partition >= kPartitionsMax) {
    return std::nullopt;
  }
  return PartitionId{TopicNumber(static_cast<std::uint32_t>(topic)),
                     Partition(static_cast<std::int32_t>(partition))};
}

Result<Payload> ReadHeader(Decoder decoder) {
  const std::uint64_t format = decoder.Varint();
  if (!decoder.ok()) return NotReadable();
  BITACORA_RETURN_IF_ERROR(CheckFormat(format));
  SegmentHeader header;
  header.log_id = std::string(decoder.Bytes());
  header.number = SegmentNumber(decoder.Varint());
  header.frames = decoder.Varint();
  header.bytes_before = decoder.Varint();
  header.check_before = decoder.BigEndian64();
  if (!decoder.done() || header.frames < 1) return NotReadable();
  return Payload(std::move(header));
}

Result<Payload> ReadTopic(Decoder decoder) {
  const std::uint64_t number = decoder.Varint();
  const std::uint64_t partitions = decoder.Varint();
  auto name = ParseTopicName(decoder.Bytes());
  const std::string_view incarnation = decoder.Bytes();
  if (!decoder.done() || !name.ok() || number < 1 || number > UINT32_MAX || partitions < 1 ||
      partitions > kPartitionsMax) {
    return NotReadable();
  }
  return Payload(TopicRow{std::move(*name), TopicNumber(static_cast<std::uint32_t>(number)),
                          static_cast<std::int32_t>(partitions), std::string(incarnation)});
}

Result<Payload> ReadHead(Decoder decoder) {
  const auto at = ReadAt(&decoder);
  HeadRow head;
  head.head.end = Offset(static_cast<std::int64_t>(decoder.Varint()));
  head.head.latest_time_ms = static_cast<std::int64_t>(decoder.Varint());
  if (!at || !decoder.done() || head.head.end <= Offset(0)) return NotReadable();
  head.at = *at;
  return Payload(head);
}

}  // namespace

Status CheckFormat(std::uint64_t format) {
  if (format <= kFormat) return {};
  return Error(ErrorCode::kInvalidArgument,
               "the log was written by a newer release: its format is " + std::to_string(format) +
                   ", this release knows " + std::to_string(kFormat));
}

void PutPayload(const SegmentHeader& header, std::string* out) {
  PutKind(Kind::kHeader, out);
  PutVarint(out, kFormat);
  PutBytes(out, header.log_id);
  PutVarint(out, header.number.value);
  PutVarint(out, header.frames);
  PutVarint(out, header.bytes_before);
  PutBigEndian64(out, header.check_before);
}

void PutPayload(const TopicRow& topic, std::string* out) {
  PutKind(Kind::kTopic, out);
  PutVarint(out, topic.number.value);
  PutVarint(out, static_cast<std::uint64_t>(topic.partitions));
  PutBytes(out, topic.name.str());
  PutBytes(out, topic.incarnation);
}

void PutPayload(const HeadRow& head, std::string* out) {
  PutKind(Kind::kHead, out);
  PutAt(head.at, out);
  PutVarint(out, static_cast<std::uint64_t>(head.head.end.value));
  PutVarint(out, static_cast<std::uint64_t>(head.head.latest_time_ms));
}

void PutPayload(const RecordRow& record, std::string* out) {
  PutKind(Kind::kRecord, out);
  PutAt(record.at, out);
  PutVarint(out, static_cast<std::uint64_t>(record.offset.value));
  PutVarint(out, static_cast<std::uint64_t>(record.time_ms));
  PutVarint(out, static_cast<std::uint64_t>(record.latest_time_ms - record.time_ms));
  out->append(record.body);
}

Result<Payload> ReadPayload(std::string_view payload) {
  if (payload.empty()) return NotReadable();
  const Decoder rest(payload.substr(1));
  switch (static_cast<Kind>(payload.front())) {
    case Kind::kHeader:
      return ReadHeader(rest);
    case Kind::kTopic:
      return ReadTopic(rest);
    case Kind::kHead:
      return ReadHead(rest);
    case Kind::kRecord: {
      BITACORA_ASSIGN_OR_RETURN(const RecordRow record, ReadRecordRow(payload));
      return Payload(record);
    }
  }
  return NotReadable();
}

Result<RecordRow> ReadRecordRow(std::string_view payload) {
  if (payload.empty() || static_cast<Kind>(payload.front()) != Kind::kRecord) return NotReadable();
  Decoder decoder(payload.substr(1));
  const auto at = ReadAt(&decoder);
  RecordRow record;
  record.offset = Offset(static_cast<std::int64_t>(decoder.Varint()));
  record.time_ms = static_cast<std::int64_t>(decoder.Varint());
  const auto behind = static_cast<std::int64_t>(decoder.Varint());
  if (!at || !decoder.ok() || record.offset < Offset(0) || behind < 0 ||
      record.time_ms > INT64_MAX - behind) {
    return NotReadable();
  }
  record.at = *at;
  record.latest_time_ms = record.time_ms + behind;
  record.body = decoder.rest();
  return record;
}

}  // namespace bitacora::event_store::embedded
