// Segments: the files the log consists of, one after the other, each a sequence of frames.
//
//   00000000000000000001.log    the frames; written once, from front to back, and never again
//   00000000000000000001.index  where each record of it lies (segment_index.h); made from it
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>

#include "src/embedded/format.h"
#include "src/files/disk.h"
#include "src/files/frame.h"

namespace bitacora::event_store::embedded {

std::string SegmentPath(const std::string& directory, SegmentNumber number);
std::string IndexPath(const std::string& directory, SegmentNumber number);
/// Of a segment's own name, without its directory; nothing for other names.
std::optional<SegmentNumber> NumberOfSegment(std::string_view name);

/// What a segment file begins with: magic, then its salt, which is the check before its first
/// frame.
inline constexpr std::size_t kSegmentHeadBytes = 16;
std::string EncodeSegmentHead(std::uint64_t salt);

/// A place in a segment behind a frame.
struct SegmentEnd {
  std::uint64_t bytes = 0;  ///< From the file's start.
  std::uint64_t check = 0;  ///< Of the frame that ends there.
  bool operator==(const SegmentEnd&) const = default;
};

/// Reads the frames of a segment from front to back. For one thread.
class SegmentScanner {
 public:
  /// Nothing: a crash left nothing or zeros where its head would be. `limit`: where to stop.
  ///
  /// kNotFound; kCorruption: the file begins as no segment does.
  static Result<std::optional<SegmentScanner>> Open(const Disk& disk, const std::string& path,
                                                    std::uint64_t limit = UINT64_MAX);

  struct Found {
    Frame frame;           ///< Until the next call of Next.
    std::uint64_t at = 0;  ///< Where it begins.
    std::uint64_t group() const { return at - frame.behind; }
  };
  /// Nothing where the next bytes are no sound frame, or there are none. kUnavailable.
  Result<std::optional<Found>> Next();

  /// Behind the frame that Next gave last; before the first, where that begins.
  const SegmentEnd& end() const { return end_; }
  std::uint64_t salt() const { return salt_; }

  /// Whether a sound frame of a later group than the one at end() stands anywhere behind it. What
  /// stood between had been synced before that group began: it was damaged, not torn.
  Result<bool> HasLaterGroup() const;

 private:
  SegmentScanner(ReadFile file, std::uint64_t limit) : file_(std::move(file)), limit_(limit) {}
  /// The bytes from the check before the next frame on, `size` of them unless the file ends.
  Result<std::string_view> Ahead(std::size_t size);

  ReadFile file_;
  std::uint64_t limit_;
  std::uint64_t salt_ = 0;
  SegmentEnd end_;
  std::string space_;
  std::string_view window_;  ///< Of the file, kept by space_.
  std::uint64_t window_at_ = 0;
};

}  // namespace bitacora::event_store::embedded
