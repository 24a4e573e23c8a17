// Where each record of a segment lies: in memory while the segment grows, then in a file beside it,
// which is made anew from the segment where it is missing or damaged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <bitacora/base/status.h>

#include "src/embedded/format.h"
#include "src/embedded/segment.h"
#include "src/files/disk.h"

namespace bitacora::event_store::embedded {

/// What stands in an index for the place of a frame: frames begin at multiples of 8.
using FramePlace = std::uint32_t;
inline FramePlace PlaceOf(std::uint64_t at) {
  return static_cast<FramePlace>(at / kFrameAlignment);
}
inline std::uint64_t BytesAt(FramePlace place) { return std::uint64_t{place} * kFrameAlignment; }

/// The records of one partition in a segment: their places, by offset.
struct Run {
  Offset first;
  std::vector<FramePlace> places;

  Offset end() const { return Offset(first.value + static_cast<std::int64_t>(places.size())); }
};
/// Of a segment that grows, or was read.
using Runs = std::map<PartitionId, Run>;
/// Where the next record of a partition lies. True: the run begins with it.
bool AddPlace(const PartitionId& at, Offset offset, FramePlace place, Runs* runs);

inline constexpr std::int64_t kPlaceBytes = 4;  ///< Of a place in an index file.

/// A run in an index file.
struct StoredRun {
  PartitionId at;
  Offset first;
  std::uint32_t records = 0;
  std::uint64_t places_at = 0;  ///< In the file: four bytes each, big-endian.

  Offset end() const { return Offset(first.value + std::int64_t{records}); }
};

/// A segment to which nothing is added any more, without its records.
struct SealedSegment {
  SegmentNumber number;
  std::uint64_t salt = 0;
  SegmentEnd before;  ///< Of the segment before.
  SegmentEnd end;     ///< What lies behind it in the file is not of the log.
  std::vector<StoredRun> runs;
};

/// Writes the index of `segment` and sets its runs. All of it is there, or none.
Status WriteIndex(const Disk& disk, const std::string& directory, const Runs& runs,
                  SealedSegment* segment);
/// Sets the runs of `segment` as WriteIndex would, without writing.
void PlaceRuns(const Runs& runs, SealedSegment* segment);
/// kNotFound; kCorruption: not what was written. Places are not looked at: a frame says itself
/// which record it is.
Result<SealedSegment> ReadIndex(const Disk& disk, const std::string& directory,
                                SegmentNumber number);
/// The places in the index of `segment`. kCorruption: the file ends before them.
Result<Runs> ReadPlaces(const ReadFile& index, const SealedSegment& segment);

}  // namespace bitacora::event_store::embedded
