#include "src/uri.h"

#include <algorithm>

#include <bitacora/base/encoding.h>

namespace bitacora::api {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error BadParameter(std::string_view name, std::string_view what) {
  return {ErrorCode::kInvalidArgument,
          "the parameter " + std::string(name) + " " + std::string(what), "invalid-parameter"};
}

std::optional<std::string> FormDecode(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return PercentDecode(spaced);
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return encoded;
}

Result<QueryParameters> QueryParameters::Parse(std::string_view query) {
  QueryParameters parsed;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = FormDecode(pair.substr(0, equals));
    const auto value =
        FormDecode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value || !IsUtf8(*name) || !IsUtf8(*value)) {
      return Error(ErrorCode::kInvalidArgument, "the query is not well-formed",
                   "invalid-parameter");
    }
    parsed.parameters_.emplace_back(*name, *value);
  }
  return parsed;
}

std::vector<std::string> QueryParameters::TakeAll(std::string_view name) {
  std::vector<std::string> values;
  std::erase_if(parameters_, [&](auto& parameter) {
    if (parameter.first != name) return false;
    values.push_back(std::move(parameter.second));
    return true;
  });
  return values;
}

Result<std::optional<std::string>> QueryParameters::Take(std::string_view name) {
  std::vector<std::string> values = TakeAll(name);
  if (values.empty()) return std::optional<std::string>();
  if (values.size() > 1) return BadParameter(name, "is given more than once");
  return std::optional(std::move(values[0]));
}

Result<std::optional<std::int64_t>> QueryParameters::TakeNumber(std::string_view name,
                                                                std::int64_t min,
                                                                std::int64_t max) {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> text, Take(name));
  if (!text) return std::optional<std::int64_t>();
  const auto number = ParseDecimal(*text, static_cast<std::uint64_t>(max));
  if (!number || static_cast<std::int64_t>(*number) < min) {
    return BadParameter(name,
                        "is a number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return std::optional(static_cast<std::int64_t>(*number));
}

Status QueryParameters::Finish() const {
  if (parameters_.empty()) return {};
  return Error(ErrorCode::kInvalidArgument, "a parameter is not known here", "invalid-parameter");
}

}  // namespace bitacora::api
