// The byte classes and the small rules of RFC 9110, 9112 and 3986 that framer and encoder share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bitacora::api::http {

enum ByteClass : std::uint8_t {
  kToken = 1,   ///< tchar of RFC 9110: methods and field names.
  kTarget = 2,  ///< What a path or a query may hold: RFC 3986's pchar, '/', '?' and '%'.
  kLine = 4,    ///< What may stand inside a line: all but control characters, HTAB excepted.
  kHost = 8,    ///< reg-name of RFC 3986.
  kDigit = 16,
};

namespace internal {

constexpr std::array<std::uint8_t, 256> MakeByteClasses() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view bytes, int bits) {
    for (const char c : bytes) {
      auto& entry = classes[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  mark(kLetters, kToken | kTarget | kHost);
  mark("0123456789", kToken | kTarget | kHost | kDigit);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~!$&'()*+,;=%", kTarget | kHost);
  mark(":@/?", kTarget);
  for (std::size_t byte = 0x20; byte < 256; ++byte) {
    if (byte != 0x7f) classes[byte] = static_cast<std::uint8_t>(classes[byte] | kLine);
  }
  mark("\t", kLine);
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> kByteClasses = MakeByteClasses();

}  // namespace internal

constexpr bool Is(char c, ByteClass wanted) {
  return (internal::kByteClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

constexpr bool AllAre(std::string_view bytes, ByteClass wanted) {
  for (const char c : bytes) {
    if (!Is(c, wanted)) return false;
  }
  return true;
}

constexpr bool IsToken(std::string_view text) { return !text.empty() && AllAre(text, kToken); }

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Whether `text` is `lower` but for the case of its letters; `lower` is in lower case.
constexpr bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}

/// Without the blanks and tabs at both ends (RFC 9110's OWS).
constexpr std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether `list`, a field value that is a comma-separated list, has the member `lower`.
constexpr bool ListHas(std::string_view list, std::string_view lower) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (EqualsIgnoringCase(TrimBlanks(list.substr(0, comma)), lower)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

/// The first byte of `text` that may not stand inside a line, or its size.
constexpr std::size_t LineLength(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && Is(text[i], kLine)) ++i;
  return i;
}

/// uri-host [ ":" port ] of RFC 3986. An empty host is allowed, as in RFC 9110, 7.2.
bool IsHost(std::string_view text);

}  // namespace bitacora::api::http
