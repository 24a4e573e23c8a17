// JSON from outside: checked once, in place, without a tree. Bytes are kept as they came.
#pragma once

#include <bitacora/base/status.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bitacora {

struct JsonLimits {
  int depth_max = 64;
  std::size_t values_max = 100'000;
};

/// Whether `text` is one JSON value (RFC 8259) within `limits`: UTF-8 without BOM, no doubled member
/// names in an object, every number within what a double can hold, no lone surrogates in escapes.
/// kInvalidArgument says what is wrong and at which byte, never with bytes of `text`.
Status CheckJson(std::string_view text, const JsonLimits& limits = {});

/// One member of an object: its name unescaped, its value as the bytes that stand there.
struct JsonMember {
  std::string name;
  std::string_view value;
};

/// The members of an object, or the elements of an array, of text that CheckJson accepted; views into
/// `text`, without surrounding white space. kInvalidArgument where it is no object, or no array.
Result<std::vector<JsonMember>> JsonObjectMembers(std::string_view text);
Result<std::vector<std::string_view>> JsonArrayElements(std::string_view text);

/// The string that a JSON string value stands for; kInvalidArgument where `value` is no string.
Result<std::string> JsonString(std::string_view value);

/// Appends `text` as a JSON string, with quotes. Bytes that are no UTF-8 become U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

}  // namespace bitacora
