#include <algorithm>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/json.h>

#include "src/json_scanner.h"
#include "src/text.h"

namespace bitacora {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void AppendEscaped(std::string* out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      out->append("\\u00");
      out->push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out->push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

Status CheckJson(std::string_view text, const JsonLimits& limits) {
  JsonScanner scanner(text, limits);
  std::string_view value;
  if (!scanner.Value(&value) || !scanner.End()) return scanner.error();
  return {};
}

Result<std::vector<JsonMember>> JsonObjectMembers(std::string_view text) {
  JsonScanner scanner(text);
  std::vector<JsonMember> members;
  std::string_view name;
  std::string_view value;
  scanner.Open('{');
  while (scanner.NextMember(&name) && scanner.Value(&value)) {
    members.push_back({std::string(name), value});
  }
  if (!scanner.End()) return scanner.error();
  std::vector<std::string_view> names;
  for (const JsonMember& member : members) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    return Error(ErrorCode::kInvalidArgument, "JSON: a member's name stands twice",
                 "malformed-json");
  }
  return members;
}

Result<std::vector<std::string_view>> JsonArrayElements(std::string_view text) {
  JsonScanner scanner(text);
  std::vector<std::string_view> elements;
  scanner.Open('[');
  for (std::string_view value; scanner.NextElement() && scanner.Value(&value);) {
    elements.push_back(value);
  }
  if (!scanner.End()) return scanner.error();
  return elements;
}

Result<std::string> JsonString(std::string_view value) {
  JsonScanner scanner(value);
  std::string_view raw;
  if (scanner.Peek() != '"') {
    return Error(ErrorCode::kInvalidArgument, "JSON: not a string", "malformed-json");
  }
  if (!scanner.Value(&raw) || !scanner.End()) return scanner.error();
  std::string text;
  AppendUnescaped(raw.substr(1, raw.size() - 2), &text);
  return text;
}

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    const std::size_t plain = PlainPrefix(text);
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t size = Utf8SequenceSize(text);
    if (size > 1) {
      out->append(text.substr(0, size));
    } else if (size == 1) {
      AppendEscaped(out, text.front());
    } else {
      out->append(kReplacement);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out->push_back('"');
}

}  // namespace bitacora
