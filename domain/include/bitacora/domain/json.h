// JSON from outside: checked once, in place, without a tree. Bytes are kept as they came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>

namespace bitacora {

/// How deep containers may be nested; in 64 arrays is allowed, in 65 is not.
inline constexpr int kJsonDepthMax = 64;

struct JsonLimits {
  int depth_max = kJsonDepthMax;  ///< 0 to kJsonDepthMax; more counts as that.
  std::size_t values_max = 100'000;
};

/// Whether `text` is one JSON value (RFC 8259) within `limits`, and one that every reader
/// understands alike: UTF-8 without BOM, no doubled member names in an object (compared unescaped),
/// no NUL in names, no lone surrogates in escapes, no number beyond the range of a double (one too
/// small for it is fine, and so is any number of digits).
///
/// Time and memory are linear in `text`, but for names: n members of one object take n log n.
/// kInvalidArgument "malformed-json" says what is wrong and at which byte, never with bytes of
/// `text`.
Status CheckJson(std::string_view text, const JsonLimits& limits = {});

/// One member of an object: its name unescaped, its value as the bytes that stand there.
struct JsonMember {
  std::string name;
  std::string_view value;
};

/// The members of an object, or the elements of an array, in their order; values are views into
/// `text` without white space around them. Each value is checked as by CheckJson, within limits of
/// its own. kInvalidArgument "malformed-json", also where `text` is no object, or no array.
Result<std::vector<JsonMember>> JsonObjectMembers(std::string_view text);
Result<std::vector<std::string_view>> JsonArrayElements(std::string_view text);

/// The string that a JSON string value stands for; kInvalidArgument "malformed-json" where `value`
/// is none.
Result<std::string> JsonString(std::string_view value);

/// Appends `text` as a JSON string, with quotes. Bytes that are no UTF-8 become U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

}  // namespace bitacora
