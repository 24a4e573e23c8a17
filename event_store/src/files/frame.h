// A frame: the unit of a segment file, and what tells it from damage. docs/formats.md.
//
// The check of a frame covers its bytes and, through the check before it, all frames of the file
// before it: a frame is sound only in its own place. The salt of the file keeps a client from
// sending bytes that would pass for a frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitacora::event_store {

/// Frames begin at multiples of this, so that those behind a damaged one can be found.
inline constexpr std::size_t kFrameAlignment = 8;
inline constexpr std::size_t kCheckBytes = 8;
/// The largest record and what the log adds to it have room in this.
inline constexpr std::size_t kPayloadBytesMax = 2u << 20;
/// Of the frame of a payload.
std::size_t FrameBytes(std::size_t payload_bytes);

/// A hash of bytes, for accidents and not against malice; the same on every machine.
std::uint64_t HashOf(std::string_view bytes, std::uint64_t seed);

/// Frames of one write, one after the other: a group. It is on the disk before the next begins.
class FrameGroup {
 public:
  /// Empties it for the frames behind one with `check_before`.
  void Begin(std::uint64_t salt, std::uint64_t check_before);
  /// Adds a frame; `put` appends its payload to the string it is given.
  template <typename Put>
  void Add(Put&& put) {
    const std::size_t at = Open();
    put(&bytes_);
    Close(at);
  }
  std::string_view bytes() const { return bytes_; }
  /// Of the last frame.
  std::uint64_t check() const { return check_; }

 private:
  std::size_t Open();
  void Close(std::size_t at);

  std::string bytes_;
  std::uint64_t salt_ = 0;
  std::uint64_t check_ = 0;
};

struct Frame {
  std::string_view payload;
  std::uint32_t behind = 0;  ///< Bytes between the start of its group and its own.
  std::uint64_t check = 0;
  std::size_t bytes = 0;  ///< Of all of it.
};

/// How many bytes the frame has that `bytes` begins with, the eight before it included. Nothing: no
/// frame begins there; of fewer than 16 bytes it cannot be told, and is 16.
std::optional<std::size_t> BytesOfFrame(std::string_view bytes, std::uint64_t salt);
/// The frame behind the first eight bytes, which are the check before it. Nothing: it is not whole
/// or not sound.
std::optional<Frame> ReadFrame(std::string_view bytes, std::uint64_t salt);
/// The same frame with the check it should have, whatever it has. Nothing: it is not whole.
std::optional<Frame> ReadUncheckedFrame(std::string_view bytes, std::uint64_t salt);

}  // namespace bitacora::event_store
