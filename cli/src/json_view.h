// Looking things up in the JSON of an answer. Values stay the bytes they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/json.h>

namespace bitacora::cli {

/// An object of an answer, over bytes that outlive it. What is missing or of another type reads as
/// nothing: an answer is shown as far as it is understood.
class JsonView {
 public:
  /// kUnavailable where `text` is no JSON object: no answer of a Bitacora.
  static Result<JsonView> Parse(std::string_view text);

  /// The member's bytes; empty where there is none.
  std::string_view Raw(std::string_view name) const;
  std::optional<std::string> String(std::string_view name) const;
  std::optional<std::int64_t> Integer(std::string_view name) const;
  std::optional<JsonView> Object(std::string_view name) const;
  std::vector<std::string_view> Array(std::string_view name) const;
  std::vector<JsonView> Objects(std::string_view name) const;

  /// A string without its quotes, anything else as compact JSON; "" where there is none or null.
  std::string Text(std::string_view name) const;

  const std::vector<JsonMember>& members() const { return members_; }

 private:
  static std::optional<JsonView> OfChecked(std::string_view text);
  std::vector<JsonMember> members_;
};

}  // namespace bitacora::cli
