#include "src/drill_routes.h"

#include <utility>

#include <bitacora/domain/json.h>

#include "src/drill_answer.h"
#include "src/uri.h"

namespace bitacora::api {
namespace {

using consumers::DrillReport;

Error BadDrill(std::string_view what) {
  return {ErrorCode::kInvalidArgument, std::string(what), "malformed-json"};
}

/// The topic of `{"kind":"rebuild","topic":T}`.
Result<TopicName> ParseDrill(const HttpRequest& request) {
  BITACORA_RETURN_IF_ERROR(RequireJson(request));
  const auto members = JsonObjectMembers(request.body);
  if (!members.ok()) return BadDrill("the body is a JSON object");
  std::optional<std::string> kind;
  std::optional<std::string> topic;
  for (const JsonMember& member : *members) {
    std::optional<std::string>* const into = member.name == "kind"    ? &kind
                                             : member.name == "topic" ? &topic
                                                                      : nullptr;
    if (into == nullptr) return BadDrill("the members are kind and topic");
    const auto text = JsonString(member.value);
    if (!text.ok()) return BadDrill("kind and topic are strings");
    *into = *text;
  }
  if (!kind || *kind != "rebuild") return BadDrill(R"(kind is "rebuild")");
  if (!topic) return BadDrill("the topic is missing");
  return TopicFromPath(*topic);
}

Status StartDrill(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  BITACORA_ASSIGN_OR_RETURN(const TopicName topic, ParseDrill(call->request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(call->request, context.options.wait_max));
  const auto begin = [&context, call, topic]() -> Status {
    BITACORA_ASSIGN_OR_RETURN(const DrillReport begun, context.drills().Start(topic));
    HttpResponse response = JsonResponse(202, DrillJson(begun));
    response.fields.emplace_back("Location", "/v1/drills/" + begun.id);
    call->Reply(std::move(response));
    return {};
  };
  RunQuery(context, call,
           [&context, call, topic, begin, deadline = WaitEnd(context, preferences)]() -> Status {
             BITACORA_ASSIGN_OR_RETURN(const event_store::Topic known,
                                       context.store().GetTopic(topic));
             if (known.kind != event_store::TopicKind::kOwned) return begin();  // Which refuses it.
             // Of a model that is yet to be made there is nothing to compare.
             AfterModel(context, call, consumers::LatestModelOf(topic), {}, deadline, begin);
             return {};
           });
  return {};
}

Status GetDrill(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  BITACORA_ASSIGN_OR_RETURN(const DrillReport report, context.drills().Get(call->parameters[0]));
  call->Reply(JsonResponse(200, DrillJson(report)));
  return {};
}

}  // namespace

std::vector<Route> DrillRoutes(Context& context) {
  return {Handler(context, "POST", "/v1/drills", StartDrill),
          Handler(context, "GET", "/v1/drills/{id}", GetDrill)};
}

}  // namespace bitacora::api
