// Pieces of URLs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/status.h>

namespace bitacora::cli {

/// `text` with every byte but unreserved ones (RFC 3986) as %XX: one path segment, or one value of
/// a query.
std::string PercentEncode(std::string_view text);

/// Makes `path?a=1&b=2`; values are encoded here.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  Target& Add(std::string_view name, std::string_view value);
  const std::string& str() const { return text_; }

 private:
  std::string text_;
  bool has_query_ = false;
};

/// A server's address, "http://host:port" or with a path behind it, without a slash at its end.
/// kInvalidArgument for other schemes, a query, a fragment or user and password.
Result<std::string> ParseServerUrl(std::string_view text);

}  // namespace bitacora::cli
