#include <array>

#include <bitacora/base/encoding.h>

namespace bitacora {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";

std::string EncodeSixBits(std::string_view bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : bytes) {
    pending = (pending << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(alphabet[(pending >> bits) & 63]);
    }
  }
  if (bits > 0) text.push_back(alphabet[(pending << (6 - bits)) & 63]);
  return text;
}

/// What each byte stands for as a digit of `alphabet`, or kNoDigit.
constexpr std::uint8_t kNoDigit = 0xFF;
constexpr std::array<std::uint8_t, 256> DigitsOf(std::string_view alphabet) {
  std::array<std::uint8_t, 256> digits{};
  for (std::uint8_t& digit : digits) digit = kNoDigit;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}

std::optional<std::string> DecodeSixBits(std::string_view text,
                                         const std::array<std::uint8_t, 256>& digits) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : text) {
    const std::uint8_t digit = digits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return std::nullopt;
    pending = ((pending << 6) | digit) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>((pending >> bits) & 0xFF));
    }
  }
  // Two texts must not stand for the same bytes: what is left of the last digit is zero.
  if ((pending & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

void PutBigEndian(std::string* out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xFF));
  }
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

void PutBigEndian32(std::string* out, std::uint32_t value) { PutBigEndian(out, value, 4); }
void PutBigEndian64(std::string* out, std::uint64_t value) { PutBigEndian(out, value, 8); }

void PutVarint(std::string* out, std::uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutBytes(std::string* out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out->append(bytes);
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string_view Decoder::Fail() {
  ok_ = false;
  rest_ = {};
  return {};
}

std::string_view Decoder::Raw(std::size_t size) {
  if (!ok_ || rest_.size() < size) return Fail();
  const std::string_view raw = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return raw;
}

std::uint32_t Decoder::BigEndian32() { return static_cast<std::uint32_t>(ReadBigEndian(Raw(4))); }
std::uint64_t Decoder::BigEndian64() { return ReadBigEndian(Raw(8)); }

std::uint64_t Decoder::Varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::string_view byte = Raw(1);
    if (!ok_) return 0;
    const auto group = static_cast<std::uint64_t>(static_cast<unsigned char>(byte[0]));
    if (shift == 63 && group > 1) break;
    value |= (group & 0x7F) << shift;
    if ((group & 0x80) == 0) return value;
  }
  Fail();
  return 0;
}

std::string_view Decoder::Bytes() {
  const std::uint64_t size = Varint();
  if (!ok_ || size > rest_.size()) return Fail();
  return Raw(static_cast<std::size_t>(size));
}

std::string HexEncode(std::string_view bytes) {
  std::string text(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text[2 * i] = kHex[byte >> 4];
    text[2 * i + 1] = kHex[byte & 15];
  }
  return text;
}

std::optional<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kHex.find(text[i]);
    const std::size_t low = kHex.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

std::string Base64Encode(std::string_view bytes) {
  std::string text = EncodeSixBits(bytes, kBase64);
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) {
    text.remove_suffix(1);
  }
  static constexpr auto kDigits = DigitsOf(kBase64);
  return DecodeSixBits(text, kDigits);
}

std::string Base64UrlEncode(std::string_view bytes) { return EncodeSixBits(bytes, kBase64Url); }

std::optional<std::string> Base64UrlDecode(std::string_view text) {
  static constexpr auto kDigits = DigitsOf(kBase64Url);
  return DecodeSixBits(text, kDigits);
}

std::optional<std::uint64_t> ParseDecimal(std::string_view text, std::uint64_t max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value <= max ? std::optional(value) : std::nullopt;
}

std::size_t Utf8SequenceSize(std::string_view text) {
  // The well-formed sequences of Unicode 15, table 3-7.
  const auto byte = [&](std::size_t k) {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
  };
  const auto continues = [&](std::size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead >= 0xC2 && lead <= 0xDF && continues(1)) return 2;
  if ((lead & 0xF0) == 0xE0 && continues(1) && continues(2) && !(lead == 0xE0 && byte(1) < 0xA0) &&
      !(lead == 0xED && byte(1) > 0x9F)) {
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && continues(1) && continues(2) && continues(3) &&
      !(lead == 0xF0 && byte(1) < 0x90) && !(lead == 0xF4 && byte(1) > 0x8F)) {
    return 4;
  }
  return 0;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = Utf8SequenceSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace bitacora
