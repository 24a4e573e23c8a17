// Text that stands as it is: in JSON strings, in names and in attributes. Eight bytes at a time,
// since nearly all text is ASCII and all of it is looked at.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bitacora {
namespace text_internal {

inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighs = 0x8080808080808080;

/// The high bit of each byte that is a control character of ASCII or not ASCII. A byte may also be
/// marked by mistake where a lower one is marked rightly: the lowest mark always is right.
inline std::uint64_t MarkUnprintable(std::uint64_t bytes) {
  return ((bytes - kOnes * 0x20) | (bytes + kOnes) | bytes) & kHighs;
}

/// As above, of bytes that do not stand in a JSON string as they are.
inline std::uint64_t MarkUnplain(std::uint64_t bytes) {
  const std::uint64_t quotes = (bytes ^ (kOnes * '"')) - kOnes;
  const std::uint64_t backslashes = (bytes ^ (kOnes * '\\')) - kOnes;
  return ((bytes - kOnes * 0x20) | quotes | backslashes | bytes) & kHighs;
}

/// How many bytes `text` begins with before the first that `mark` marks.
template <typename Mark>
std::size_t PrefixBefore(std::string_view text, Mark mark) {
  std::size_t size = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (std::uint64_t bytes; text.size() - size >= sizeof bytes; size += sizeof bytes) {
      std::memcpy(&bytes, text.data() + size, sizeof bytes);
      const std::uint64_t marks = mark(bytes);
      if (marks != 0) return size + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
    }
  }
  // One byte, and seven that are never marked.
  constexpr std::uint64_t kHarmless = kOnes * 'x' - 'x';
  while (size < text.size() && mark(kHarmless | static_cast<unsigned char>(text[size])) == 0) {
    ++size;
  }
  return size;
}

}  // namespace text_internal

/// The number of bytes that `text` begins with and that stand in a JSON string as they are: ASCII
/// but control characters (0x7F is none to JSON), quote and backslash.
inline std::size_t PlainPrefix(std::string_view text) {
  return text_internal::PrefixBefore(text, text_internal::MarkUnplain);
}

/// The number of bytes that `text` begins with and that are ASCII from 0x20 to 0x7E.
inline std::size_t PrintablePrefix(std::string_view text) {
  return text_internal::PrefixBefore(text, text_internal::MarkUnprintable);
}

/// Whether `text` is UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
bool IsTextWithoutControls(std::string_view text);

}  // namespace bitacora
