// Every error a client can get: RFC 9457 problem documents, from one table (docs/errors.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/api/http.h>
#include <bitacora/base/status.h>

namespace bitacora::api {

/// One row. `code` is status * 100 + a number of its own; never reused, never renumbered: clients
/// test it.
struct ProblemKind {
  std::uint32_t code;
  std::string_view
      name;  ///< Of `type`: urn:bitacora:problem:NAME. An Error's reason names the row.
  std::string_view title;
  int retry_after_s = 0;  ///< 0: no Retry-After.

  int status() const { return static_cast<int>(code / 100); }
};

/// All rows, by code.
std::span<const ProblemKind> AllProblems();

/// The row of an error: by its reason, else by its code. An unknown reason is a bug of ours and
/// gives that of the code.
const ProblemKind& ProblemOf(const Error& error);
/// The row called `name`, which must exist.
const ProblemKind& ProblemNamed(std::string_view name);

/// More members of a problem document: name, and the value as JSON.
using ProblemMembers = std::vector<std::pair<std::string_view, std::string>>;

/// The JSON text of the document. `detail` is a sentence without bytes that the client did not send
/// as a name; anything that is no UTF-8 in it is replaced.
std::string ProblemJson(const ProblemKind& kind, std::string_view detail,
                        const ProblemMembers& members = {});

/// Of an error: its sentence where that is for clients, else where to look for it. A bug of ours is
/// logged.
std::string ProblemJson(const Error& error, const ProblemMembers& members = {});

HttpResponse ProblemResponse(const ProblemKind& kind, std::string_view detail,
                             const ProblemMembers& members = {});
HttpResponse ProblemResponse(const Error& error, const ProblemMembers& members = {});

}  // namespace bitacora::api
