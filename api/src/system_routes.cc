#include "src/system_routes.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <embedded/OpenApiDocument.h>

#include <bitacora/domain/admit.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

#include "src/uri.h"

namespace bitacora::api {
namespace {

using event_store::PartitionProgress;

Status NoParameters(const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const auto query, QueryParameters::Parse(call->request.query));
  return query.Finish();
}

void ReplyText(const CallPtr& call, std::string_view type, std::string_view text) {
  HttpResponse response;
  response.fields.emplace_back("Content-Type", type);
  response.body = text;
  call->Reply(std::move(response));
}

Status Livez(Context&, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  ReplyText(call, "text/plain; charset=utf-8", "ok\n");
  return {};
}

Status Metrics(Context& context, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  ReplyText(call, "text/plain; version=0.0.4; charset=utf-8", context.parts.metrics.Expose());
  return {};
}

Status OpenApi(Context&, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  ReplyText(call, kJson, OpenApiDocument());
  return {};
}

std::optional<std::int64_t> SecondsLeft(Context& context,
                                        const std::vector<PartitionProgress>& all) {
  if (!context.store().Topics().ok()) return std::nullopt;  // Not all of them are in it yet.
  std::int64_t applied = 0;
  std::int64_t to_go = 0;
  for (const PartitionProgress& progress : all) {
    applied += progress.applied.value;
    if (progress.problem.empty()) to_go += progress.end.value - progress.applied.value;
  }
  return context.fold_rate.SecondsLeft(context.Now(), applied, to_go);
}

std::string ReadinessJson(const std::vector<PartitionProgress>& all, std::string_view status,
                          const std::optional<std::int64_t>& eta_s) {
  std::string json = R"({"status":")";
  json.append(status).append(R"(","partitions":[)");
  bool first = true;
  for (const PartitionProgress& progress : all) {
    if (!first) json.push_back(',');
    first = false;
    json.append(R"({"topic":)");
    AppendJsonString(&json, progress.at.topic.str());
    json.append(R"(,"partition":)").append(std::to_string(progress.at.partition.value));
    json.append(R"(,"applied":")").append(std::to_string(progress.applied.value));
    json.append(R"(","end":")").append(std::to_string(progress.end.value)).append(R"("})");
  }
  json.append(R"(],"eta_s":)").append(eta_s ? std::to_string(*eta_s) : "null").append("}");
  return json;
}

Status Readyz(Context& context, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  const std::vector<PartitionProgress> all = context.store().Progress();
  const bool draining = context.draining;
  const std::string_view status = draining                       ? "draining"
                                  : context.store().Ready().ok() ? "ready"
                                                                 : "starting";
  const auto eta_s = status == "ready" ? 0 : SecondsLeft(context, all);
  HttpResponse response =
      JsonResponse(status == "ready" ? 200 : 503, ReadinessJson(all, status, eta_s));
  if (response.status == 503) response.fields.emplace_back("Retry-After", "1");
  call->Reply(std::move(response));
  return {};
}

Status Limits(Context& context, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  const ServiceOptions& options = context.options;
  const auto ms = [](std::chrono::milliseconds duration) {
    return static_cast<std::size_t>(duration.count());
  };
  const std::array<std::pair<std::string_view, std::size_t>, 21> limits{{
      {"append_bytes_max", options.append_bytes_max},
      {"append_events_max", kAppendEventsMax},
      {"append_timeout_ms", ms(options.append_timeout)},
      {"body_bytes_max", options.http.body_bytes_max},
      {"body_timeout_ms", ms(options.http.body_timeout)},
      {"buffered_bytes_max", options.http.buffered_bytes_max},
      {"connections_max", options.http.connections_max},
      {"header_bytes_max", options.http.header_bytes_max},
      {"header_fields_max", options.http.header_fields_max},
      {"header_timeout_ms", ms(options.http.header_timeout)},
      {"idempotency_key_bytes_max", 128},
      {"idle_timeout_ms", ms(options.http.idle_timeout)},
      {"output_bytes_max", options.http.output_bytes_max},
      {"page_bytes_max", options.page_bytes_max},
      {"page_events_max", options.page_events_max},
      {"pipelined_requests_max", options.http.pipelined_requests_max},
      {"stream_name_bytes_max", 200},
      {"topic_partitions_max", 64},
      {"uri_bytes_max", options.http.uri_bytes_max},
      {"wait_max_ms", ms(options.wait_max)},
      {"write_timeout_ms", ms(options.http.write_timeout)},
  }};
  std::string json;
  for (const auto& [name, value] : limits) {
    json.append(json.empty() ? "{" : ",").append("\"").append(name).append("\":");
    json.append(std::to_string(value));
  }
  call->Reply(JsonResponse(200, json.append("}")));
  return {};
}

Status Version(Context& context, const CallPtr& call) {
  BITACORA_RETURN_IF_ERROR(NoParameters(call));
  call->Reply(JsonResponse(200, R"({"version":")" + context.options.version + R"(","rule":)" +
                                    std::to_string(kAdmitRule) + R"(,"log":")" +
                                    context.options.log + R"("})"));
  return {};
}

}  // namespace

std::vector<Route> SystemRoutes(Context& context) {
  return {Handler(context, "GET", "/livez", Livez),
          Handler(context, "GET", "/readyz", Readyz),
          Handler(context, "GET", "/metrics", Metrics),
          Handler(context, "GET", "/openapi.json", OpenApi),
          Handler(context, "GET", "/v1/limits", Limits),
          Handler(context, "GET", "/v1/version", Version)};
}

}  // namespace bitacora::api
