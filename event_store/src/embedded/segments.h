// The segments of an open log as readers see them: where each record lies, and the record.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/record.h>

#include "src/embedded/format.h"
#include "src/embedded/segment.h"
#include "src/embedded/segment_index.h"
#include "src/files/disk.h"
#include "src/files/open_files.h"

namespace bitacora::event_store::embedded {

struct RangeLimits {
  std::size_t records_max = 1000;
  std::size_t bytes_max = 4u << 20;  ///< At least one record is read all the same.
};

/// Reads are thread-safe; Add, Grow, Publish and Seal are for one thread.
class Segments {
 public:
  /// `places_kept`: how many places of full segments are in memory, those of the newest.
  Segments(const Disk& disk, const std::string& directory, std::size_t places_kept)
      : directory_(directory), places_kept_(places_kept), files_(disk) {}

  /// The segment behind those that were added. `runs`: its places, where it has no index.
  void Add(SealedSegment segment, std::optional<Runs> runs) EXCLUDES(mu_);
  /// Reads the places of the newest ones, as many as are kept; of others they are read from the
  /// index when they are asked for.
  void LoadPlaces() EXCLUDES(mu_);
  /// A new one, without records yet.
  void Grow(SegmentNumber number, std::uint64_t salt);
  struct NewRecord {
    PartitionId at;
    Offset offset;
    FramePlace place = 0;
  };
  /// Records of the one that grows, which are on the disk.
  void Publish(std::span<const NewRecord> records);
  /// The places of the one that grows are in its index from now on.
  void Seal(const SealedSegment& segment);
  /// Of the newest segment. For the thread that grows it.
  Runs newest_runs() const EXCLUDES(mu_);

  /// The records of a partition from `from` on, to before `end`, as many as `limits` allow. All of
  /// them exist. Appends to `out`.
  ///
  /// kCorruption: one is missing or not what was written. kUnavailable.
  Status Read(const PartitionId& at, Offset from, Offset end, const RangeLimits& limits,
              std::vector<StoredRecord>* out) const;
  /// The records at `offsets`, which rise. Appends to `out`; errors as for Read.
  Status ReadEach(const PartitionId& at, std::span<const Offset> offsets,
                  std::vector<StoredRecord>* out) const;
  /// The latest time of a record and all before it. Errors as for Read.
  Result<std::int64_t> LatestTime(const PartitionId& at, Offset offset) const;

 private:
  struct Segment {
    SealedSegment sealed;
    bool has_index = false;
    std::optional<Runs> runs;  ///< In memory; always where there is no index.
  };
  /// The part of a partition that one segment has.
  struct Part {
    Offset first;
    SegmentNumber segment;
    std::uint64_t places_at = 0;  ///< In its index.
  };
  struct Place {
    Offset offset;
    SegmentNumber segment;
    std::uint64_t salt = 0;
    std::uint64_t at = 0;
  };
  /// Places that one look into an index gives.
  struct Lookup {
    SegmentNumber segment;
    std::uint64_t at = 0;  ///< In the index.
    Offset offset;         ///< Whose place stands there.
    std::size_t first = 0;
    std::size_t count = 0;  ///< Of the places to set, from `first` on.
  };

  /// Where the records at `offsets` lie, which rise.
  Result<std::vector<Place>> Locate(const PartitionId& at, std::span<const Offset> offsets) const;
  /// Sets those places that are in memory and says what gives the others.
  Result<std::vector<Lookup>> LocateInMemory(const PartitionId& at, std::span<const Offset> offsets,
                                             std::vector<Place>* places) const;
  /// Sets the places of one look-up.
  Status LookUp(const Lookup& lookup, std::vector<Place>* places) const;

  class Window;
  /// The record of a frame that `window` has or reads, at the first of `places`; it then also reads
  /// what is near of the rest.
  Result<RecordRow> RecordAt(const PartitionId& at, std::span<const Place> places,
                             Window* window) const;
  /// Appends records to `out` until it has taken `*bytes_left` of bytes, which it counts down to 0.
  Status ReadAll(const PartitionId& at, std::span<const Place> places, std::size_t* bytes_left,
                 std::vector<StoredRecord>* out) const;
  /// From which segment on places are kept in memory.
  std::size_t FirstKept() const REQUIRES_LOCK(mu_);
  Error Damaged(const PartitionId& at, const Place& place, std::string_view what) const;
  Error CannotRead(const Error& error) const;

  const std::string directory_;
  const std::size_t places_kept_;
  mutable OpenFiles files_;
  mutable Mutex mu_;
  std::vector<Segment> segments_ GUARDED_BY(mu_);  ///< By number, from 1.
  std::map<PartitionId, std::vector<Part>> partitions_ GUARDED_BY(mu_);
};

}  // namespace bitacora::event_store::embedded
