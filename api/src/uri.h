// Paths and queries of requests, decoded once and strictly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/status.h>

namespace bitacora::api {

/// `text` with each %XX replaced by its byte, once; nothing where a '%' is not followed by two
/// hexadecimal digits. '+' stays '+'.
std::optional<std::string> PercentDecode(std::string_view text);
/// Everything but unreserved characters (RFC 3986 section 2.3) as %XX.
std::string PercentEncode(std::string_view text);

/// The parameters of a query. Each of the calls below takes a parameter out; Finish refuses what is
/// left, so that an unknown parameter is never ignored. All errors are kInvalidArgument
/// "invalid-parameter".
class QueryParameters {
 public:
  /// `query` as it came, without '?'. '+' means a space here, as in forms.
  static Result<QueryParameters> Parse(std::string_view query);

  /// The only value of `name`; nothing where there is none.
  Result<std::optional<std::string>> Take(std::string_view name);
  /// All values of `name`, in order.
  std::vector<std::string> TakeAll(std::string_view name);
  /// A decimal number from `min` to `max`, both included.
  Result<std::optional<std::int64_t>> TakeNumber(std::string_view name, std::int64_t min,
                                                 std::int64_t max);
  Status Finish() const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace bitacora::api
