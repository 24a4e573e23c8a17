// How numbers and byte strings become stored bytes, and how bytes become text.
//
// Numbers in keys are big-endian, so that the order of bytes is the order of numbers. Numbers in
// values are varints (base 128, least significant group first, as in protobuf).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitacora {

void PutBigEndian32(std::string* out, std::uint32_t value);
void PutBigEndian64(std::string* out, std::uint64_t value);
void PutVarint(std::string* out, std::uint64_t value);
/// The length as a varint, then the bytes.
void PutBytes(std::string* out, std::string_view bytes);
/// The first key behind all that begin with `prefix`, which must not consist of 0xFF alone.
std::string PrefixEnd(std::string prefix);

/// Reads what the functions above wrote, front to back. After the first failed read every further
/// one fails too and ok() is false, so that a decoder may check once at its end.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  std::uint32_t BigEndian32();
  std::uint64_t BigEndian64();
  std::uint64_t Varint();
  std::string_view Bytes();
  /// The next `size` bytes.
  std::string_view Raw(std::size_t size);

  bool ok() const { return ok_; }
  /// Everything was read and nothing failed.
  bool done() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view Fail();

  std::string_view rest_;
  bool ok_ = true;
};

std::string HexEncode(std::string_view bytes);
std::optional<std::string> HexDecode(std::string_view text);

/// RFC 4648 section 4, with padding.
std::string Base64Encode(std::string_view bytes);
/// Strict: padding required, no white space, unused bits zero.
std::optional<std::string> Base64Decode(std::string_view text);
/// RFC 4648 section 5, without padding: safe in URLs and in header fields.
std::string Base64UrlEncode(std::string_view bytes);
std::optional<std::string> Base64UrlDecode(std::string_view text);

/// A decimal number of digits only: no sign, no space, no leading zero but "0" itself.
/// Nothing where `text` is none or the value exceeds `max`.
std::optional<std::uint64_t> ParseDecimal(std::string_view text, std::uint64_t max = UINT64_MAX);

/// The bytes, 1 to 4, of the well-formed UTF-8 sequence that `text` begins with (no surrogates, no
/// overlong forms, at most U+10FFFF); 0 where it begins with none or is empty.
std::size_t Utf8SequenceSize(std::string_view text);
/// Whether `text` consists of such sequences, or is empty.
bool IsUtf8(std::string_view text);

}  // namespace bitacora
