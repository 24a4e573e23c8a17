// What the log must hold at least, kept beside its segments.
//
// A last segment whose tail was torn before anything was acknowledged and one that was cut off
// later look alike: both end early. The witness tells them apart: after each synced group, before
// anybody is told, the writer notes where the log ends and the check there. A log that holds less
// or something else than its witness says is refused.
//
// A note costs a write into the page cache (about 1 µs), which survives the process; it is synced
// every few seconds and on close. So after kill -9 the witness is exact, and after a power cut it
// may be a few seconds old: it is written only after what it speaks of is durable, thus never says
// too much.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

#include "src/embedded/format.h"
#include "src/embedded/posix_file.h"
#include "src/embedded/segment.h"

namespace bitacora::event_store::embedded {

/// The log as of one moment.
struct Testimony {
  std::uint64_t records = 0;
  std::uint32_t topics = 0;
  /// Where the log ended; segment 0: it was not written yet.
  SegmentNumber segment;
  SegmentEnd end;

  bool operator==(const Testimony&) const = default;
};

/// The file has two slots, written in turn, so that a torn write leaves the note before.
///
/// Note is for one thread; Sync may come from another.
class Witness {
 public:
  /// Makes the file durably, with `testimony` in it, in place of any that is there.
  static Status Create(const std::string& path, const Testimony& testimony);

  enum class Access { kRead, kReadWrite };
  /// kNotFound; kCorruption: neither slot is readable; kInvalidArgument: of a newer release.
  static Result<std::unique_ptr<Witness>> Open(const std::string& path, Access access);

  /// The newest note that was found on opening.
  const Testimony& found() const { return found_; }
  /// False where one slot was damaged: the note then is the one before the last.
  bool both_slots_readable() const { return both_slots_readable_; }

  Status Note(const Testimony& testimony);
  /// What was noted before the call is on the disk when it returns.
  Status Sync();
  /// Whether anything was noted since the last Sync.
  bool has_unsynced() const { return unsynced_.load(std::memory_order_relaxed); }

 private:
  Witness(PosixFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Status Load();

  PosixFile file_;
  const std::string path_;
  Testimony found_;
  bool both_slots_readable_ = true;
  std::uint64_t generation_ = 0;
  std::atomic<bool> unsynced_ = false;
};

}  // namespace bitacora::event_store::embedded
