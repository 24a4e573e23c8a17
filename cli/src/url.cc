#include "src/url.h"

namespace bitacora::cli {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

bool IsUrlByte(char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '@'; }

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

Target& Target::Add(std::string_view name, std::string_view value) {
  text_.push_back(has_query_ ? '&' : '?');
  text_.append(name).append("=").append(PercentEncode(value));
  has_query_ = true;
  return *this;
}

Result<std::string> ParseServerUrl(std::string_view text) {
  const Error error(ErrorCode::kInvalidArgument,
                    "--server needs http://HOST:PORT or https://HOST:PORT");
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return error;
  }
  if (rest.empty() || rest.front() == '/') return error;
  for (const char c : rest) {
    if (!IsUrlByte(c)) return error;
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace bitacora::cli
