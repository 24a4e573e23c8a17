// How an answer becomes bytes.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include <bitacora/api/http.h>

namespace bitacora::api::http {

/// What the server adds to an answer.
struct Framing {
  std::string_view date{};  ///< As FormatDate makes it.
  bool http_1_0 = false;    ///< Then a connection that stays open must say so.
  bool close = false;       ///< The last answer of this connection.
};

/// False where `response` cannot be sent as it is: a status outside 200 to 599, a field name that
/// is no token, a control character in a value (it could forge a field), or a field that is the
/// server's to add. All of them are bugs of whoever made it.
bool IsSendable(const HttpResponse& response);

/// Whether an answer with `status` has a body at all; where it has none, it also has no length.
constexpr bool HasBody(int status) { return status != 204 && status != 304; }

/// Appends status line and header block of a sendable `response`.
void AppendHead(const HttpResponse& response, const Framing& framing, std::string* out);

/// RFC 9110's IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string FormatDate(std::time_t time);

}  // namespace bitacora::api::http
