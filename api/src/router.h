// One table of routes: from method and path to the handler, with everything HTTP wants around it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/api/http.h>
#include <bitacora/base/status.h>

#include "src/problems.h"

namespace bitacora::api {

/// A request on its way to its answer.
struct Call {
  HttpRequest request;
  /// The values of the path's `{parameters}`, percent-decoded once, in order.
  std::vector<std::string> parameters;
  Responder responder;

  void Reply(HttpResponse response) { responder.Send(std::move(response)); }
  void Refuse(const Error& error, const ProblemMembers& members = {}) {
    Reply(ProblemResponse(error, members));
  }
};
/// Shared by the callbacks that one call goes through; one at a time uses it.
using CallPtr = std::shared_ptr<Call>;

struct Route {
  std::string_view method;              ///< GET also serves HEAD.
  std::string_view path;                ///< "/v1/topics/{topic}"; a parameter is a whole segment.
  std::function<void(CallPtr)> handle;  ///< Must not block; see QueryPool.
};

/// Immutable, thread-safe.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  /// Finds the route and calls it. 404, 405 with Allow, and OPTIONS are answered here; a path that
  /// is not well-formed gets 400. What a handler throws becomes 500 and a line in the log.
  void Dispatch(HttpRequest request, Responder responder) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string_view> segments;
    std::size_t route;
  };
  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;
};

/// Runs `work` and turns anything it throws into a 500 for `call`.
void Guarded(const CallPtr& call, const std::function<void()>& work) noexcept;

}  // namespace bitacora::api
