#include <algorithm>
#include <utility>

#include <bitacora/domain/event_codec.h>

#include "src/event_page.h"
#include "src/read_routes.h"
#include "src/uri.h"

namespace bitacora::api {
namespace {

using event_store::StreamPage;
using event_store::StreamQuery;

constexpr std::int64_t kVersionMax = (std::int64_t{1} << 53) - 1;

Result<StreamQuery::Direction> ParseDirection(const std::optional<std::string>& text) {
  if (!text || *text == "forwards") return StreamQuery::Direction::kForwards;
  if (*text == "backwards") return StreamQuery::Direction::kBackwards;
  return Error(ErrorCode::kInvalidArgument, "the parameter direction is forwards or backwards",
               "invalid-parameter");
}

Result<StreamQuery> ParseStreamQuery(const Context& context, const Call& call) {
  StreamQuery query;
  BITACORA_ASSIGN_OR_RETURN(query.topic, TopicFromPath(call.parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(query.stream, ParseStreamName(call.parameters[1]));
  BITACORA_ASSIGN_OR_RETURN(QueryParameters parameters, QueryParameters::Parse(call.request.query));
  BITACORA_ASSIGN_OR_RETURN(const auto from, parameters.TakeNumber("from", 0, kVersionMax));
  BITACORA_ASSIGN_OR_RETURN(const auto limit, parameters.TakeNumber("limit", 1, LimitMax(context)));
  BITACORA_ASSIGN_OR_RETURN(const auto direction, parameters.Take("direction"));
  BITACORA_RETURN_IF_ERROR(parameters.Finish());
  BITACORA_ASSIGN_OR_RETURN(query.direction, ParseDirection(direction));
  if (from) query.from = Version(*from);
  query.limit = static_cast<int>(limit.value_or(std::min<std::int64_t>(100, LimitMax(context))));
  query.bytes_max = context.options.page_bytes_max;
  return query;
}

HttpResponse PageAnswer(const Call& call, const StreamQuery& query, const StreamPage& page,
                        bool batch) {
  const std::string etag = "\"" + std::to_string(page.head.value) + "\"";
  HttpResponse response;
  if (IfNoneMatchNames(call.request, etag)) {
    response.status = 304;
  } else if (batch) {
    response.fields.emplace_back("Content-Type", kCloudEventsBatch);
    response.body = EventBatchJson(page.events);
  } else {
    response.fields.emplace_back("Content-Type", kJson);
    response.body =
        EventPageJson(page.events, page.next ? std::to_string(page.next->value) : "null");
  }
  response.fields.emplace_back("ETag", etag);
  response.fields.emplace_back("Vary", "Accept");
  if (page.next) {
    const bool backwards = query.direction == StreamQuery::Direction::kBackwards;
    response.fields.emplace_back(
        "Link", "</v1/topics/" + query.topic.str() + "/streams/" +
                    PercentEncode(query.stream.str()) + "/events?from=" +
                    std::to_string(page.next->value) + "&limit=" + std::to_string(query.limit) +
                    (backwards ? "&direction=backwards" : "") + ">; rel=\"next\"");
  }
  return response;
}

Status ReadStream(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const StreamQuery query, ParseStreamQuery(context, *call));
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Position> at_least, ReadAtLeast(call->request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(call->request, context.options.wait_max));
  const std::vector<std::string_view> offered{kJson, kCloudEventsBatch};
  const auto chosen = Negotiate(call->request, offered);
  if (!chosen) {
    call->Reply(NotAcceptable(offered));
    return {};
  }
  AfterFold(context, call, query.topic, at_least, WaitEnd(context, preferences),
            [&context, call, query, batch = *chosen == 1]() -> Status {
              BITACORA_ASSIGN_OR_RETURN(const StreamPage page, context.store().ReadStream(query));
              call->Reply(PageAnswer(*call, query, page, batch));
              return {};
            });
  return {};
}

}  // namespace

std::vector<Route> StreamRoutes(Context& context) {
  return {Handler(context, "GET", "/v1/topics/{topic}/streams/{stream}/events", ReadStream)};
}

}  // namespace bitacora::api
