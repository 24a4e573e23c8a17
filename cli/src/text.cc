#include "src/text.h"

#include <cstdint>
#include <cwchar>

namespace bitacora::cli {
namespace {

constexpr char32_t kReplacement = 0xfffd;

struct Decoded {
  char32_t character = kReplacement;
  std::size_t size = 1;
  bool valid = false;
};

/// The character at the front of `text`, which is not empty.
Decoded DecodeFront(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  char32_t character = first & (0x7f >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    character = (character << 6) | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < kLeast[size] || character > 0x10ffff || surrogate) return {};
  return {character, size, true};
}

bool MayBeObeyed(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) ||  // C0, DEL, C1
         c == 0x2028 || c == 0x2029 ||           // Separators of lines and paragraphs
         c == 0x061c || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);  // Bidirectional controls
}

void AppendHex(std::string* out, const char* prefix, char32_t c, int digits) {
  constexpr char kHex[] = "0123456789abcdef";
  out->append(prefix);
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out->push_back(kHex[(c >> shift) & 15]);
  }
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded decoded = DecodeFront(text);
    if (!decoded.valid) {
      out.append("\xef\xbf\xbd");
    } else if (!MayBeObeyed(decoded.character)) {
      out.append(text.substr(0, decoded.size));
    } else if (decoded.character == '\n') {
      out.append("\\n");
    } else if (decoded.character == '\t') {
      out.append("\\t");
    } else if (decoded.character < 0x100) {
      AppendHex(&out, "\\x", decoded.character, 2);
    } else {
      AppendHex(&out, "\\u", decoded.character, 4);
    }
    text.remove_prefix(decoded.size);
  }
  return out;
}

std::string PrintableJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  while (!json.empty()) {
    const Decoded decoded = DecodeFront(json);
    const char c = json.front();
    if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
      json.remove_prefix(1);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && json.size() > 1) {
      out.append(json.substr(0, 2));  // So that an escaped quote does not end the string.
      json.remove_prefix(2);
      continue;
    }
    if (!decoded.valid) {
      out.append("\xef\xbf\xbd");
    } else if (MayBeObeyed(decoded.character)) {
      AppendHex(&out, "\\u", decoded.character, 4);
    } else {
      out.append(json.substr(0, decoded.size));
    }
    json.remove_prefix(decoded.size);
  }
  return out;
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded decoded = DecodeFront(text);
    const int columns = wcwidth(static_cast<wchar_t>(decoded.character));
    width += columns < 0 ? 1 : static_cast<std::size_t>(columns);
    text.remove_prefix(decoded.size);
  }
  return width;
}

}  // namespace bitacora::cli
