// The header fields for conditions, keys, preferences and positions (api/openapi/openapi.json).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/api/http.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/position.h>

namespace bitacora::api {

/// What an append's If-Match and If-None-Match demand. "invalid-condition" for both at once, weak
/// tags, lists, tags that are no decimal number, and If-None-Match other than `*`.
Result<Expected> ReadCondition(const HttpRequest& request);

/// The Idempotency-Key without its surrounding quotes; nothing where there is none.
Result<std::optional<AppendId>> ReadIdempotencyKey(const HttpRequest& request);

/// Prefer (RFC 7240) as far as it means something here; other preferences are ignored.
struct Preferences {
  std::optional<std::chrono::seconds> wait;
  bool respond_async = false;
};
/// "invalid-preference" for a wait that is no number of seconds from 0 to `wait_max`, or given
/// twice.
Result<Preferences> ReadPreferences(const HttpRequest& request, std::chrono::seconds wait_max);

/// Bitacora-At-Least: tokens, comma separated, all of which must hold. At most 16.
Result<std::vector<Position>> ReadAtLeast(const HttpRequest& request);

/// Whether If-None-Match (a list of tags, or `*`) names `etag` (with its quotes), compared weakly.
bool IfNoneMatchNames(const HttpRequest& request, std::string_view etag);

/// Which of the `offered` media types the Accept field takes first: their order is the preference
/// among equals. Nothing: none. No Accept takes the first.
std::optional<std::size_t> Negotiate(const HttpRequest& request,
                                     const std::vector<std::string_view>& offered);

}  // namespace bitacora::api
