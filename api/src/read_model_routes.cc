#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <bitacora/domain/json.h>

#include "src/read_routes.h"
#include "src/uri.h"

namespace bitacora::api {
namespace {

using consumers::Document;
using consumers::DocumentPage;
using consumers::DocumentQuery;

constexpr std::int64_t kLimitDefault = 100;

HttpResponse ModelAnswer(std::string body, std::string applied, std::string build) {
  HttpResponse response = JsonResponse(200, std::move(body));
  response.fields.emplace_back("Bitacora-Applied", std::move(applied));
  response.fields.emplace_back("Bitacora-Build", std::move(build));
  return response;
}

std::string PageJson(const DocumentPage& page) {
  std::string json = R"({"documents":[)";
  for (std::size_t i = 0; i < page.documents.size(); ++i) {
    if (i > 0) json.push_back(',');
    json.append(page.documents[i]);
  }
  json.append(R"(],"next":)");
  if (page.next) {
    AppendJsonString(&json, *page.next);
  } else {
    json.append("null");
  }
  return json.append("}");
}

/// Runs `read` once the model has applied what the request demands. Where it demands nothing,
/// `at_once` may answer on this thread; nothing: it cannot.
Status Demanded(Context& context, const CallPtr& call, const std::string& model,
                std::function<Status()> read,
                const std::function<std::optional<Status>()>& at_once = {}) {
  BITACORA_ASSIGN_OR_RETURN(std::vector<Position> at_least, ReadAtLeast(call->request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(call->request, context.options.wait_max));
  if (at_least.empty() && at_once) {
    if (const auto answered = at_once()) return *answered;
  }
  AfterModel(context, call, model, std::move(at_least), WaitEnd(context, preferences),
             std::move(read));
  return {};
}

Status GetDocument(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  const std::string& model = call->parameters[0];
  const std::string& key = call->parameters[1];
  const auto answer = [call](Result<Document> document) -> Status {
    if (!document.ok()) return document.error();
    call->Reply(ModelAnswer(std::move(document->json), std::move(document->applied),
                            std::move(document->build)));
    return {};
  };
  // Most documents that are asked for are in memory, and a hand-over to another thread costs more
  // than the look-up.
  const auto at_once = [&]() -> std::optional<Status> {
    std::optional<Result<Document>> document = context.read_models().TryGet(model, key);
    if (!document) return std::nullopt;
    return answer(std::move(*document));
  };
  const auto read = [&context, call, answer] {
    return answer(context.read_models().Get(call->parameters[0], call->parameters[1]));
  };
  return Demanded(context, call, model, read, at_once);
}

Status ListDocuments(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(QueryParameters parameters,
                            QueryParameters::Parse(call->request.query));
  BITACORA_ASSIGN_OR_RETURN(const auto prefix, parameters.Take("prefix"));
  BITACORA_ASSIGN_OR_RETURN(const auto cursor, parameters.Take("cursor"));
  BITACORA_ASSIGN_OR_RETURN(const auto limit, parameters.TakeNumber("limit", 1, LimitMax(context)));
  BITACORA_RETURN_IF_ERROR(parameters.Finish());
  if (cursor && cursor->empty()) {
    return Error(ErrorCode::kInvalidArgument, "the cursor is none that a page gave",
                 "invalid-cursor");
  }
  DocumentQuery query;
  query.prefix = prefix.value_or("");
  query.cursor = cursor.value_or("");
  query.limit =
      static_cast<std::size_t>(limit.value_or(std::min(kLimitDefault, LimitMax(context))));
  query.bytes_max = context.options.page_bytes_max;
  const std::string& model = call->parameters[0];
  return Demanded(context, call, model, [&context, call, query]() -> Status {
    BITACORA_ASSIGN_OR_RETURN(DocumentPage page,
                              context.read_models().List(call->parameters[0], query));
    call->Reply(ModelAnswer(PageJson(page), std::move(page.applied), std::move(page.build)));
    return {};
  });
}

}  // namespace

std::vector<Route> ReadModelRoutes(Context& context) {
  return {Handler(context, "GET", "/v1/read-models/{model}", ListDocuments),
          Handler(context, "GET", "/v1/read-models/{model}/{key}", GetDocument)};
}

}  // namespace bitacora::api
