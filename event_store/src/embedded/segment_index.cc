#include "src/embedded/segment_index.h"

#include <string_view>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store::embedded {
namespace {

constexpr std::string_view kMagic = "BITAIDX1";
constexpr std::size_t kSummaryBytes = 8 + 6 * 8 + 4;
constexpr std::size_t kRunBytes = 4 + 4 + 8 + 4;
constexpr std::uint64_t kCheckSeed = 2;

/// All but the places, with the hash of it.
std::string EncodeHead(const SealedSegment& segment) {
  std::string head(kMagic);
  PutBigEndian64(&head, segment.number.value);
  PutBigEndian64(&head, segment.salt);
  PutBigEndian64(&head, segment.before.bytes);
  PutBigEndian64(&head, segment.before.check);
  PutBigEndian64(&head, segment.end.bytes);
  PutBigEndian64(&head, segment.end.check);
  PutBigEndian32(&head, static_cast<std::uint32_t>(segment.runs.size()));
  for (const StoredRun& run : segment.runs) {
    PutBigEndian32(&head, run.at.topic.value);
    PutBigEndian32(&head, static_cast<std::uint32_t>(run.at.partition.value));
    PutBigEndian64(&head, static_cast<std::uint64_t>(run.first.value));
    PutBigEndian32(&head, run.records);
  }
  PutBigEndian64(&head, HashOf(head, kCheckSeed));
  return head;
}

std::size_t HeadBytes(std::size_t runs) { return kSummaryBytes + runs * kRunBytes + kCheckBytes; }

/// Sets where the places of each run are.
void SetPlaces(SealedSegment* segment) {
  std::uint64_t at = HeadBytes(segment->runs.size());
  for (StoredRun& run : segment->runs) {
    run.places_at = at;
    at += static_cast<std::uint64_t>(run.records * kPlaceBytes);
  }
}

SealedSegment DecodeHead(std::string_view head, std::uint32_t runs) {
  Decoder decoder(head.substr(kMagic.size()));
  SealedSegment segment;
  segment.number = SegmentNumber(decoder.BigEndian64());
  segment.salt = decoder.BigEndian64();
  segment.before.bytes = decoder.BigEndian64();
  segment.before.check = decoder.BigEndian64();
  segment.end.bytes = decoder.BigEndian64();
  segment.end.check = decoder.BigEndian64();
  decoder.BigEndian32();
  for (std::uint32_t i = 0; i < runs; ++i) {
    StoredRun run;
    run.at.topic = TopicNumber(decoder.BigEndian32());
    run.at.partition = Partition(static_cast<std::int32_t>(decoder.BigEndian32()));
    run.first = Offset(static_cast<std::int64_t>(decoder.BigEndian64()));
    run.records = decoder.BigEndian32();
    segment.runs.push_back(run);
  }
  SetPlaces(&segment);
  return segment;
}

}  // namespace

bool AddPlace(const PartitionId& at, Offset offset, FramePlace place, Runs* runs) {
  Run& run = (*runs)[at];
  const bool begins = run.places.empty();
  if (begins) run.first = offset;
  run.places.push_back(place);
  return begins;
}

void PlaceRuns(const Runs& runs, SealedSegment* segment) {
  segment->runs.clear();
  for (const auto& [at, run] : runs) {
    segment->runs.push_back({at, run.first, static_cast<std::uint32_t>(run.places.size()), 0});
  }
  SetPlaces(segment);
}

Status WriteIndex(const Disk& disk, const std::string& directory, const Runs& runs,
                  SealedSegment* segment) {
  PlaceRuns(runs, segment);
  std::string bytes = EncodeHead(*segment);
  for (const auto& [at, run] : runs) {
    for (const FramePlace place : run.places) PutBigEndian32(&bytes, place);
  }
  // A name that an index has says that all of it is there.
  const std::string path = IndexPath(directory, segment->number);
  const std::string unfinished = path + ".new";
  BITACORA_ASSIGN_OR_RETURN(AppendedFile file, disk.Create(unfinished));
  BITACORA_RETURN_IF_ERROR(file.Append(bytes));
  BITACORA_RETURN_IF_ERROR(file.Sync());
  return disk.Rename(unfinished, path);
}

Result<SealedSegment> ReadIndex(const Disk& disk, const std::string& directory,
                                SegmentNumber number) {
  const std::string path = IndexPath(directory, number);
  const Error damaged(ErrorCode::kCorruption, path + " is damaged", "log-damaged");
  BITACORA_ASSIGN_OR_RETURN(const ReadFile file, disk.Open(path));
  std::string space;
  BITACORA_ASSIGN_OR_RETURN(std::string_view head, file.Read(0, kSummaryBytes, &space));
  if (head.size() < kSummaryBytes || !head.starts_with(kMagic)) return damaged;
  const std::uint32_t runs = Decoder(head.substr(kSummaryBytes - 4)).BigEndian32();
  const std::size_t bytes = HeadBytes(runs);
  BITACORA_ASSIGN_OR_RETURN(const std::uint64_t size, disk.SizeOf(path));
  if (size < bytes) return damaged;
  BITACORA_ASSIGN_OR_RETURN(head, file.Read(0, bytes, &space));
  if (head.size() < bytes) return damaged;
  const std::string_view checked = head.substr(0, bytes - kCheckBytes);
  if (Decoder(head.substr(checked.size())).BigEndian64() != HashOf(checked, kCheckSeed)) {
    return damaged;
  }
  SealedSegment segment = DecodeHead(checked, runs);
  const bool whole =
      segment.runs.empty() ||
      size >= segment.runs.back().places_at +
                  static_cast<std::uint64_t>(segment.runs.back().records * kPlaceBytes);
  if (segment.number != number || !whole) return damaged;
  return segment;
}

Result<Runs> ReadPlaces(const ReadFile& index, const SealedSegment& segment) {
  Runs runs;
  if (segment.runs.empty()) return runs;
  const std::uint64_t begin = segment.runs.front().places_at;
  const StoredRun& last = segment.runs.back();
  const std::uint64_t end = last.places_at + std::uint64_t{last.records} * kPlaceBytes;
  std::string space;
  BITACORA_ASSIGN_OR_RETURN(const std::string_view bytes,
                            index.Read(begin, static_cast<std::size_t>(end - begin), &space));
  Decoder decoder(bytes);
  for (const StoredRun& stored : segment.runs) {
    Run& run = runs[stored.at];
    run.first = stored.first;
    run.places.reserve(stored.records);
    for (std::uint32_t i = 0; i < stored.records; ++i) {
      run.places.push_back(decoder.BigEndian32());
    }
  }
  if (decoder.ok()) return runs;
  return Error(ErrorCode::kCorruption, index.path() + " is shorter than it was", "log-damaged");
}

}  // namespace bitacora::event_store::embedded
