#include "src/embedded/segments.h"

#include <algorithm>

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>

#include "src/embedded/contents.h"
#include "src/files/frame.h"
#include "src/record_codec.h"
#include "src/shared_copies.h"

namespace bitacora::event_store::embedded {
namespace {

constexpr std::size_t kLocatedMax = 256;  ///< Places looked for at a time; the writer may wait.
constexpr std::int64_t kLookupBytesMax = 64 << 10;
// One read for the frames of a partition between which few others lie: it costs as much as copying
// some KiB.
constexpr std::uint64_t kWindowBytesMax = 64u << 10;
constexpr std::uint64_t kGapBytesMax = 8u << 10;
constexpr std::uint64_t kLastFrameBytes = 1u << 10;  ///< What most of them fit in.
constexpr std::size_t kPlacesOfARun = 32;

/// How many places of a segment would be in memory; with each run, what has the room of some more.
std::size_t PlacesOf(const SealedSegment& segment) {
  std::size_t places = 0;
  for (const StoredRun& run : segment.runs) places += kPlacesOfARun + run.records;
  return places;
}

}  // namespace

void Segments::Add(SealedSegment segment, std::optional<Runs> runs) {
  const MutexLock lock(mu_);
  for (const StoredRun& run : segment.runs) {
    partitions_[run.at].push_back({run.first, segment.number, run.places_at});
  }
  const bool has_index = !runs;
  segments_.push_back({std::move(segment), has_index, std::move(runs)});
}

std::size_t Segments::FirstKept() const {
  std::size_t places = 0;
  std::size_t first = segments_.size();
  for (; first > 0; --first) {
    const Segment& segment = segments_[first - 1];
    if (segment.has_index) places += PlacesOf(segment.sealed);
    if (places > places_kept_) break;
  }
  return first;
}

void Segments::LoadPlaces() {
  const MutexLock lock(mu_);
  for (std::size_t i = FirstKept(); i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    if (segment.runs) continue;
    const auto index = files_.Get(IndexPath(directory_, segment.sealed.number));
    if (!index.ok()) continue;  // Who asks for a place is told.
    auto places = ReadPlaces(**index, segment.sealed);
    if (places.ok()) segment.runs = *std::move(places);
  }
}

void Segments::Grow(SegmentNumber number, std::uint64_t salt) {
  SealedSegment segment;
  segment.number = number;
  segment.salt = salt;
  Add(std::move(segment), Runs());
}

void Segments::Publish(std::span<const NewRecord> records) {
  const MutexLock lock(mu_);
  Segment& newest = segments_.back();
  for (const NewRecord& record : records) {
    if (AddPlace(record.at, record.offset, record.place, &*newest.runs)) {
      partitions_[record.at].push_back({record.offset, newest.sealed.number, 0});
    }
  }
}

Runs Segments::newest_runs() const {
  const MutexLock lock(mu_);
  return *segments_.back().runs;
}

void Segments::Seal(const SealedSegment& segment) {
  const MutexLock lock(mu_);
  for (const StoredRun& run : segment.runs) {
    std::vector<Part>& parts = partitions_[run.at];
    const auto part = std::find_if(parts.rbegin(), parts.rend(), [&](const Part& candidate) {
      return candidate.segment == segment.number;
    });
    if (part != parts.rend()) part->places_at = run.places_at;
  }
  Segment& full = segments_[segment.number.value - 1];
  full.sealed = segment;
  full.has_index = true;
  for (auto& [at, run] : *full.runs) run.places.shrink_to_fit();
  for (std::size_t i = FirstKept(); i > 0; --i) {
    if (segments_[i - 1].has_index) segments_[i - 1].runs.reset();
  }
}

Result<std::vector<Segments::Lookup>> Segments::LocateInMemory(const PartitionId& at,
                                                               std::span<const Offset> offsets,
                                                               std::vector<Place>* places) const {
  std::vector<Lookup> lookups;
  const MutexLock lock(mu_);
  const auto found = partitions_.find(at);
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const Offset offset = offsets[i];
    Place& place = places->emplace_back();
    place.offset = offset;
    if (found == partitions_.end()) return Damaged(at, place, "is missing");
    const auto behind = std::upper_bound(found->second.begin(), found->second.end(), offset,
                                         [](Offset o, const Part& part) { return o < part.first; });
    if (behind == found->second.begin()) return Damaged(at, place, "is missing");
    const Part& part = *std::prev(behind);
    const Segment& segment = segments_[part.segment.value - 1];
    place.segment = part.segment;
    place.salt = segment.sealed.salt;
    const std::int64_t nth = offset.value - part.first.value;
    if (segment.runs) {
      const auto& in_memory = segment.runs->at(at).places;
      if (nth >= static_cast<std::int64_t>(in_memory.size())) {
        return Damaged(at, place, "is missing");
      }
      place.at = BytesAt(in_memory[static_cast<std::size_t>(nth)]);
    } else if (!lookups.empty() && lookups.back().segment == part.segment &&
               (offset.value - lookups.back().offset.value) * kPlaceBytes < kLookupBytesMax) {
      ++lookups.back().count;
    } else {
      lookups.push_back({part.segment,
                         part.places_at + static_cast<std::uint64_t>(nth * kPlaceBytes), offset, i,
                         1});
    }
  }
  return lookups;
}

Status Segments::LookUp(const Lookup& lookup, std::vector<Place>* places) const {
  BITACORA_ASSIGN_OR_RETURN(const auto index, files_.Get(IndexPath(directory_, lookup.segment)));
  const auto bytes_to = [&](Offset offset) {
    return static_cast<std::size_t>((offset.value - lookup.offset.value) * kPlaceBytes);
  };
  const Offset last = (*places)[lookup.first + lookup.count - 1].offset;
  std::string space;
  BITACORA_ASSIGN_OR_RETURN(const std::string_view bytes,
                            index->Read(lookup.at, bytes_to(last.Next()), &space));
  for (std::size_t i = lookup.first; i < lookup.first + lookup.count; ++i) {
    Place& place = (*places)[i];
    Decoder decoder(bytes.substr(std::min(bytes.size(), bytes_to(place.offset))));
    place.at = BytesAt(decoder.BigEndian32());
    if (!decoder.ok()) {
      return Error(ErrorCode::kCorruption, index->path() + " is shorter than it was",
                   "log-damaged");
    }
  }
  return {};
}

Result<std::vector<Segments::Place>> Segments::Locate(const PartitionId& at,
                                                      std::span<const Offset> offsets) const {
  std::vector<Place> places;
  places.reserve(offsets.size());
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Lookup> lookups,
                            LocateInMemory(at, offsets, &places));
  for (const Lookup& lookup : lookups) {
    if (const Status looked = LookUp(lookup, &places); !looked.ok()) {
      return CannotRead(looked.error());
    }
  }
  return places;
}

/// Bytes of one segment, read ahead.
class Segments::Window {
 public:
  Window(OpenFiles& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// From the check before the frame at `place` on, to the frame's end, if it is not cut. `ahead`
  /// says how many bytes to read where it has to be read.
  template <typename Ahead>
  Result<std::string_view> FrameAt(const Place& place, Ahead ahead) {
    const std::uint64_t from = place.at - kCheckBytes;
    if (place.segment != segment_ || from < from_ || from >= from_ + bytes_.size()) {
      BITACORA_RETURN_IF_ERROR(Load(place.segment, from, ahead()));
    }
    std::string_view bytes = bytes_.substr(static_cast<std::size_t>(from - from_));
    // Twice at most: of a frame that only begins in the window its size comes first.
    for (auto needed = BytesOfFrame(bytes, place.salt); needed && *needed > bytes.size();
         needed = BytesOfFrame(bytes, place.salt)) {
      const std::size_t size = std::max<std::size_t>(*needed, ahead());
      BITACORA_RETURN_IF_ERROR(Load(place.segment, from, size));
      bytes = bytes_;
      if (bytes.size() < size) break;  // The file ends.
    }
    return bytes;
  }

 private:
  Status Load(SegmentNumber segment, std::uint64_t from, std::size_t size) {
    if (segment != segment_) {
      BITACORA_ASSIGN_OR_RETURN(file_, files_.Get(SegmentPath(directory_, segment)));
      segment_ = segment;
    }
    bytes_ = {};
    BITACORA_ASSIGN_OR_RETURN(bytes_, file_->Read(from, size, &space_));
    from_ = from;
    return {};
  }

  OpenFiles& files_;
  const std::string& directory_;
  std::string space_;
  std::string_view bytes_;  // Of segment_ from from_ on, kept by space_.
  SegmentNumber segment_;
  std::shared_ptr<const ReadFile> file_;  // Of segment_.
  std::uint64_t from_ = 0;
};

Result<RecordRow> Segments::RecordAt(const PartitionId& at, std::span<const Place> places,
                                     Window* window) const {
  const Place& place = places.front();
  if (place.at < kSegmentHeadBytes) return Damaged(at, place, "has no place");
  const auto ahead = [&] {
    std::size_t last = 0;
    while (last + 1 < places.size() && places[last + 1].segment == place.segment &&
           places[last + 1].at >= places[last].at &&
           places[last + 1].at - place.at < kWindowBytesMax &&
           places[last + 1].at - places[last].at < kGapBytesMax) {
      ++last;
    }
    return static_cast<std::size_t>(places[last].at - place.at + kLastFrameBytes);
  };
  const auto bytes = window->FrameAt(place, ahead);
  if (!bytes.ok()) return CannotRead(bytes.error());
  const auto frame = ReadFrame(*bytes, place.salt);
  if (!frame) return Damaged(at, place, "is not what was written");
  auto record = ReadRecordRow(frame->payload);
  if (!record.ok() || record->at != at || record->offset != place.offset) {
    return Damaged(at, place, "is not where the index says");
  }
  return record;
}

Status Segments::ReadAll(const PartitionId& at, std::span<const Place> places,
                         std::size_t* bytes_left, std::vector<StoredRecord>* out) const {
  Window window(files_, directory_);
  SharedCopies copies(places.size() * kLastFrameBytes);
  for (std::size_t i = 0; i < places.size() && *bytes_left > 0; ++i) {
    BITACORA_ASSIGN_OR_RETURN(const RecordRow row, RecordAt(at, places.subspan(i), &window));
    SharedCopies::Copy body = copies.Add(row.body);
    StoredRecord& record = out->emplace_back();
    if (!DecodeBody(body.bytes, &record)) {
      out->pop_back();
      return Damaged(at, places[i], "is not readable");
    }
    record.offset = row.offset;
    record.timestamp_ms = row.time_ms;
    record.bytes = std::move(body.owner);
    *bytes_left -= std::min(*bytes_left, row.body.size());
  }
  return {};
}

Status Segments::Read(const PartitionId& at, Offset from, Offset end, const RangeLimits& limits,
                      std::vector<StoredRecord>* out) const {
  const auto records = std::min(static_cast<std::uint64_t>(end.value - from.value),
                                std::uint64_t{limits.records_max});
  end = Offset(from.value + static_cast<std::int64_t>(records));
  std::size_t bytes_left = std::max<std::size_t>(limits.bytes_max, 1);
  std::vector<Offset> offsets;
  while (from < end) {
    offsets.clear();
    for (; from < end && offsets.size() < kLocatedMax; from = from.Next()) offsets.push_back(from);
    BITACORA_ASSIGN_OR_RETURN(const std::vector<Place> places, Locate(at, offsets));
    BITACORA_RETURN_IF_ERROR(ReadAll(at, places, &bytes_left, out));
    if (bytes_left == 0) return {};
  }
  return {};
}

Status Segments::ReadEach(const PartitionId& at, std::span<const Offset> offsets,
                          std::vector<StoredRecord>* out) const {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Place> places, Locate(at, offsets));
  std::size_t bytes_left = SIZE_MAX;
  return ReadAll(at, places, &bytes_left, out);
}

Result<std::int64_t> Segments::LatestTime(const PartitionId& at, Offset offset) const {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Place> places, Locate(at, {&offset, 1}));
  Window window(files_, directory_);
  BITACORA_ASSIGN_OR_RETURN(const RecordRow record, RecordAt(at, places, &window));
  return record.latest_time_ms;
}

Error Segments::Damaged(const PartitionId& at, const Place& place, std::string_view what) const {
  // The file's name is the operator's; the error may reach clients.
  LogError("a record cannot be read", {{"segment", SegmentPath(directory_, place.segment)},
                                       {"at", static_cast<std::int64_t>(place.at)},
                                       {"topic_number", std::int64_t{at.topic.value}},
                                       {"partition", std::int64_t{at.partition.value}},
                                       {"offset", place.offset.value},
                                       {"error", what}});
  return Error(
      ErrorCode::kCorruption,
      "the log is damaged: the record at " + NameOf(at, place.offset) + " " + std::string(what),
      "log-damaged");
}

Error Segments::CannotRead(const Error& error) const {
  LogError("the log cannot be read", {{"error", error.message()}});
  const bool damaged =
      error.code() == ErrorCode::kCorruption || error.code() == ErrorCode::kNotFound;
  if (damaged) {
    return Error(ErrorCode::kCorruption, "the log is damaged: a file of it is missing or cut",
                 "log-damaged");
  }
  return Error(ErrorCode::kUnavailable, "the log cannot be read now", "log-unavailable");
}

}  // namespace bitacora::event_store::embedded
