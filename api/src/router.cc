#include "src/router.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>

#include <bitacora/base/log.h>

#include "src/uri.h"

namespace bitacora::api {
namespace {

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsParameter(std::string_view segment) { return segment.starts_with('{'); }

/// The parameters of `segments` under `pattern`, still encoded; nothing where it does not match.
std::optional<std::vector<std::string_view>> Match(const std::vector<std::string_view>& pattern,
                                                   const std::vector<std::string_view>& segments) {
  if (pattern.size() != segments.size()) return std::nullopt;
  std::vector<std::string_view> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (IsParameter(pattern[i])) {
      parameters.push_back(segments[i]);
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

std::string Join(const std::set<std::string_view>& methods) {
  std::string joined;
  for (const std::string_view method : methods) {
    if (!joined.empty()) joined.append(", ");
    joined.append(method);
  }
  return joined;
}

}  // namespace

void Guarded(const CallPtr& call, const std::function<void()>& work) noexcept {
  try {
    work();
  } catch (const std::exception& error) {
    LogError("a handler threw", {{"path", call->request.path}, {"error", error.what()}});
    call->Refuse(Error(ErrorCode::kInternal, "exception"));
  } catch (...) {
    LogError("a handler threw", {{"path", call->request.path}});
    call->Refuse(Error(ErrorCode::kInternal, "exception"));
  }
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    patterns_.push_back({Segments(routes_[i].path), i});
  }
}

void Router::Dispatch(HttpRequest request, Responder responder) const {
  auto call = std::make_shared<Call>(Call{std::move(request), {}, std::move(responder)});
  const HttpRequest& asked = call->request;
  const std::vector<std::string_view> segments = Segments(asked.path);
  const std::string_view method = asked.method == "HEAD" ? "GET" : std::string_view(asked.method);
  std::set<std::string_view> allowed;
  for (const Pattern& pattern : patterns_) {
    const auto parameters = Match(pattern.segments, segments);
    if (!parameters) continue;
    const Route& route = routes_[pattern.route];
    if (route.method != method) {
      allowed.insert(route.method);
      continue;
    }
    for (const std::string_view parameter : *parameters) {
      auto decoded = PercentDecode(parameter);
      if (!decoded) {
        call->Reply(ProblemResponse(ProblemNamed("malformed-path"),
                                    "a % in the path is not followed by two hexadecimal digits"));
        return;
      }
      call->parameters.push_back(std::move(*decoded));
    }
    Guarded(call, [&] { route.handle(call); });
    return;
  }
  if (asked.method == "OPTIONS" && (asked.path == "*" || !allowed.empty())) {
    HttpResponse response;
    response.status = 204;
    if (allowed.contains("GET")) allowed.insert("HEAD");
    allowed.insert("OPTIONS");
    response.fields.emplace_back("Allow", Join(allowed));
    call->Reply(std::move(response));
    return;
  }
  if (allowed.empty()) {
    call->Reply(ProblemResponse(ProblemNamed("not-found"), "no resource has this path"));
    return;
  }
  if (allowed.contains("GET")) allowed.insert("HEAD");
  allowed.insert("OPTIONS");
  HttpResponse response =
      ProblemResponse(ProblemNamed("method-not-allowed"), "the resource has " + Join(allowed));
  response.fields.emplace_back("Allow", Join(allowed));
  call->Reply(std::move(response));
}

}  // namespace bitacora::api
