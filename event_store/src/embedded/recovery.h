// What stands between the files of a directory and the claim that they hold the log. Nothing is
// written here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <bitacora/base/status.h>

#include "src/embedded/contents.h"
#include "src/embedded/segment.h"
#include "src/embedded/segment_index.h"
#include "src/embedded/witness.h"
#include "src/files/disk.h"

namespace bitacora::event_store::embedded {

struct FoundSegment {
  SealedSegment segment;
  /// Where its index was missing or damaged: what it has to say. Always of the last one.
  std::optional<Runs> runs;
};

struct FoundLog {
  std::vector<FoundSegment> segments;  ///< By number, from 1; none: nothing was written yet.
  Contents contents;
};

/// Reads what is in `directory`: the last segment as a whole, of the others their indexes.
///
/// A write that a crash cut short, which nobody was told of, is left out: what was written and not
/// synced can only stand at the end. A segment that the witness does not know yet was being begun
/// and is left out, too. `witness`: what was acknowledged; null where there is none.
///
/// kCorruption: a file is missing or cut, or not what was written, or the log is shorter than or
/// different from what was acknowledged; the message names the file. kInvalidArgument: of a newer
/// release. kUnavailable.
Result<FoundLog> FindLog(const Disk& disk, const std::string& directory, const Testimony* witness);

/// One segment, from its start to `limit` or as far as its frames are sound.
struct ScannedSegment {
  bool begun = false;  ///< The group it begins with is whole; else the rest means nothing.
  SealedSegment segment;
  Contents contents;
  Runs runs;
};
/// kCorruption: a sound frame says what it cannot.
Result<ScannedSegment> ScanSegment(SegmentScanner* scanner);

}  // namespace bitacora::event_store::embedded
