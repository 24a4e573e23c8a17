#include "src/files/frame.h"

#include <cstring>

#include <bitacora/base/check.h>
#include <bitacora/base/encoding.h>

namespace bitacora::event_store {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kHeadBytes = 8;  ///< Size of the payload, distance to its group's start.

// Odd numbers with about as many ones as zeros: the golden ratio and the square roots of 2, 3
// and 5.
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kRoot2 = 0x6A09E667F3BCC909;
constexpr std::uint64_t kRoot3 = 0xBB67AE8584CAA73B;
constexpr std::uint64_t kRoot5 = 0x3C6EF372FE94F82B;

/// Both halves of the product, folded, and both factors: a factor that is zero, which a client can
/// bring about, would erase the other.
std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return a ^ b ^ static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t LittleEndian(const char* at, std::size_t size) {
  std::uint64_t word = 0;
  if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
    std::memcpy(&word, at, size);
  } else {
    for (std::size_t i = size; i > 0; --i) {
      word = word << 8 | static_cast<unsigned char>(at[i - 1]);
    }
  }
  return word;
}

std::size_t Padded(std::size_t bytes) {
  return (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

/// Of a frame without its check.
std::uint64_t CheckOf(std::string_view frame, std::uint64_t salt, std::uint64_t check_before) {
  return HashOf(frame, salt ^ check_before);
}

/// What the head of a frame is xored with: so what a client sent looks like one once in 500,000
/// places, and finding a frame in it does not mean to hash it all over again at each.
std::uint64_t MaskOf(std::uint64_t salt, std::uint64_t check_before) {
  return Fold(salt ^ check_before ^ kRoot5, kRoot3);
}

/// Size of the payload, distance to the group's start, of a frame behind its first eight bytes.
struct FrameHead {
  std::uint32_t payload_bytes;
  std::uint32_t behind;
};
FrameHead ReadFrameHead(std::string_view bytes, std::uint64_t salt) {
  Decoder decoder(bytes);
  const std::uint64_t mask = MaskOf(salt, decoder.BigEndian64());
  const std::uint64_t head = decoder.BigEndian64() ^ mask;
  return {static_cast<std::uint32_t>(head >> 32), static_cast<std::uint32_t>(head)};
}

void PutAt(std::string* bytes, std::size_t at, std::uint64_t value) {
  std::string number;
  PutBigEndian64(&number, value);
  bytes->replace(at, number.size(), number);
}

}  // namespace

std::size_t FrameBytes(std::size_t payload_bytes) {
  return kHeadBytes + Padded(payload_bytes) + kCheckBytes;
}

std::uint64_t HashOf(std::string_view bytes, std::uint64_t seed) {
  // Two words at a time, then the rest padded with zeros; the length makes padding unambiguous.
  std::uint64_t hash = seed ^ Fold(bytes.size() ^ kGolden, kRoot3);
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; at += 16, left -= 16) {
    hash = Fold(hash ^ LittleEndian(at, 8) ^ kRoot5, LittleEndian(at + 8, 8) ^ kGolden);
  }
  if (left > 0) {
    const std::uint64_t low = LittleEndian(at, left < 8 ? left : 8);
    const std::uint64_t high = left > 8 ? LittleEndian(at + 8, left - 8) : 0;
    hash = Fold(hash ^ low ^ kRoot5, high ^ kGolden);
  }
  return Fold(hash ^ kRoot2, kGolden);
}

void FrameGroup::Begin(std::uint64_t salt, std::uint64_t check_before) {
  bytes_.clear();
  salt_ = salt;
  check_ = check_before;
}

std::size_t FrameGroup::Open() {
  const std::size_t at = bytes_.size();
  bytes_.append(kHeadBytes, '\0');
  return at;
}

void FrameGroup::Close(std::size_t at) {
  const std::size_t payload_bytes = bytes_.size() - at - kHeadBytes;
  BITACORA_CHECK(payload_bytes > 0 && payload_bytes <= kPayloadBytesMax,
                 "a payload that no frame may have");
  PutAt(&bytes_, at,
        (std::uint64_t{payload_bytes} << 32 | static_cast<std::uint32_t>(at)) ^
            MaskOf(salt_, check_));
  bytes_.resize(at + kHeadBytes + Padded(payload_bytes));
  check_ = CheckOf(std::string_view(bytes_).substr(at), salt_, check_);
  PutBigEndian64(&bytes_, check_);
}

std::optional<std::size_t> BytesOfFrame(std::string_view bytes, std::uint64_t salt) {
  if (bytes.size() < kCheckBytes + kHeadBytes) return kCheckBytes + kHeadBytes;
  const auto [payload_bytes, behind] = ReadFrameHead(bytes, salt);
  if (payload_bytes == 0 || payload_bytes > kPayloadBytesMax || behind % kFrameAlignment != 0) {
    return std::nullopt;
  }
  return kCheckBytes + FrameBytes(payload_bytes);
}

std::optional<Frame> ReadFrame(std::string_view bytes, std::uint64_t salt) {
  auto frame = ReadUncheckedFrame(bytes, salt);
  if (frame && Decoder(bytes.substr(frame->bytes)).BigEndian64() != frame->check) frame.reset();
  return frame;
}

std::optional<Frame> ReadUncheckedFrame(std::string_view bytes, std::uint64_t salt) {
  const auto needed = BytesOfFrame(bytes, salt);
  if (!needed || bytes.size() < *needed) return std::nullopt;
  Frame frame;
  frame.bytes = *needed - kCheckBytes;
  Decoder decoder(bytes);
  const std::uint64_t check_before = decoder.BigEndian64();
  decoder.BigEndian64();
  const auto [payload_bytes, behind] = ReadFrameHead(bytes, salt);
  frame.behind = behind;
  frame.payload = decoder.Raw(payload_bytes);
  frame.check = CheckOf(bytes.substr(kCheckBytes, frame.bytes - kCheckBytes), salt, check_before);
  return frame;
}

}  // namespace bitacora::event_store
