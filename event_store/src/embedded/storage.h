// The embedded log on its disk: opening with every check, writing groups, reading ranges.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

#include "src/embedded/contents.h"
#include "src/embedded/format.h"
#include "src/embedded/recovery.h"
#include "src/embedded/segments.h"
#include "src/embedded/witness.h"
#include "src/files/disk.h"

namespace bitacora::event_store::embedded {

struct StorageOptions {
  std::string directory;
  bool read_only = false;
  bool sync = true;
  /// Another than the disk's, for tests; null: the disk's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  /// A segment that has as many is followed by another.
  std::uint64_t segment_bytes = 0;
  /// Of how many records of full segments the places are in memory.
  std::size_t places_kept = 0;
};

/// An open log. Reads are thread-safe, all else is for one thread.
class Storage {
 public:
  /// Opens what is in `options.directory`, making it where there is nothing (unless read-only).
  /// Every promise that can be checked without reading all records is checked before anything is
  /// written: nothing is repaired or dropped on the way to a refusal.
  ///
  /// kCorruption, kInvalidArgument: of a newer release; kNotFound: read-only, and there is no log;
  /// kUnavailable.
  static Result<std::unique_ptr<Storage>> Open(const StorageOptions& options);
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// As of now.
  const Contents& contents() const { return contents_; }
  /// Where the log ends, to be noted once others are told.
  Testimony testimony() const;
  Witness& witness() { return *witness_; }

  /// Writes `records`, each the next of its partition, and syncs them. After an error any first
  /// part of them may be there; the storage then takes no further write, and only opening it again
  /// tells.
  Status Write(std::span<const RecordRow> records);
  /// The same for a topic, which has the next number.
  Status Write(const TopicRow& topic);

  /// The records of a partition from `from` on, to before `end`, as many as `limits` allow. All of
  /// them exist. Appends to `out`.
  ///
  /// kCorruption: one is missing or not what was written. kUnavailable.
  Status Read(const PartitionId& at, Offset from, Offset end, const RangeLimits& limits,
              std::vector<StoredRecord>* out) const {
    return segments_.Read(at, from, end, limits, out);
  }
  /// The records at `offsets`, which rise. Appends to `out`; errors as for Read.
  Status ReadEach(const PartitionId& at, std::span<const Offset> offsets,
                  std::vector<StoredRecord>* out) const {
    return segments_.ReadEach(at, offsets, out);
  }
  /// The latest time of a record that exists and of all before it. Errors as for Read.
  Result<std::int64_t> LatestTime(const PartitionId& at, Offset offset) const {
    return segments_.LatestTime(at, offset);
  }

  /// Copies the log into `directory` as of `testimony`, which is of a moment before the call; links
  /// where it can. Thread-safe.
  Status CopyTo(const std::string& directory, const Testimony& testimony) const;

 private:
  explicit Storage(const StorageOptions& options);
  Status Make();
  Status OpenExisting();
  /// Leaves out of `found` what the last segment has behind `from`, and gives the payloads of that.
  Result<std::vector<std::string>> TakeBehind(const SegmentEnd& from, FoundLog* found) const;

  /// Makes the newest segment one that can be written.
  Status Prepare();
  /// Seals the newest segment and begins one behind it, with `payloads` as its first frames.
  Status Begin(std::span<const std::string> payloads);
  /// Puts a segment's first frames into `group_`; gives where each of `payloads` begins.
  std::vector<std::uint64_t> MakeBeginning(SegmentNumber number, std::uint64_t salt,
                                           std::span<const std::string> payloads);
  /// Makes the file of a segment, with `group_` in it.
  Status WriteBeginning(SegmentNumber number, std::uint64_t salt);
  /// Takes over what `payloads`, which lie at `places`, say.
  Status Take(std::span<const std::string> payloads, std::span<const std::uint64_t> places);
  /// Writes `group_` behind what there is and syncs it.
  Status WriteGroup();
  /// Remembers that nothing can be written any more where `status` is an error.
  Status OrFail(Status status);

  const StorageOptions options_;
  const std::uint64_t segment_bytes_;
  const Disk disk_;  // Before segments_, which uses it.
  std::unique_ptr<Witness> witness_;
  Segments segments_;

  Contents contents_;
  /// The newest segment; number 0 before the first.
  SealedSegment newest_;
  std::optional<AppendedFile> file_;  ///< Of the newest, where it is open for writing.
  std::uint64_t begun_bytes_ = 0;     ///< Of the group it begins with.
  bool failed_ = false;

  // To be used again.
  FrameGroup group_;
  std::vector<Segments::NewRecord> published_;
};

}  // namespace bitacora::event_store::embedded
