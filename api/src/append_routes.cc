#include "src/append_routes.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

#include "src/uri.h"

namespace bitacora::api {
namespace {

using event_store::AppendCommand;
using event_store::AppendOutcome;

std::string StreamPath(const TopicName& topic, const StreamName& stream) {
  return "/v1/topics/" + topic.str() + "/streams/" + PercentEncode(stream.str());
}

std::string ExpectedJson(const Expected& expected) {
  if (expected.kind == Expected::Kind::kVersion) return std::to_string(expected.version.value);
  std::string json;
  AppendJsonString(&json, FormatExpected(expected));
  return json;
}

std::string VersionJson(const std::optional<Version>& version) {
  return version ? std::to_string(version->value) : "null";
}

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(&json, text);
  return json;
}

/// An append on its way: what its answer needs besides the outcome.
struct Appending {
  TopicName topic;
  StreamName stream;
  AppendId id;
  Expected expected;
};

HttpResponse Admitted(const Appending& append, const AppendOutcome& outcome) {
  const std::string token = FormatPosition(outcome.position);
  std::string json = R"({"topic":)" + Quoted(append.topic.str());
  json.append(R"(,"stream":)").append(Quoted(append.stream.str()));
  json.append(R"(,"appendId":)").append(Quoted(outcome.id.str()));
  json.append(R"(,"firstVersion":)").append(std::to_string(outcome.first_version.value));
  json.append(R"(,"version":)").append(VersionJson(outcome.head));
  json.append(R"(,"partition":)").append(std::to_string(outcome.partition.value));
  json.append(R"(,"offset":")").append(std::to_string(outcome.offset.value));
  json.append(R"(","position":")").append(token).append(R"("})");
  HttpResponse response = JsonResponse(201, std::move(json));
  response.fields.emplace_back("ETag", "\"" + VersionJson(outcome.head) + "\"");
  response.fields.emplace_back(kPositionField, token);
  response.fields.emplace_back("Location", StreamPath(append.topic, append.stream) + "/appends/" +
                                               PercentEncode(outcome.id.str()));
  return response;
}

ProblemMembers ConflictMembers(const Appending& append, const AppendOutcome& outcome) {
  return {{"appendId", Quoted(outcome.id.str())},
          {"expectedVersion", ExpectedJson(append.expected)},
          {"currentVersion", VersionJson(outcome.head)}};
}

std::string ConflictDetail(const Appending& append, const AppendOutcome& outcome) {
  const std::string met =
      outcome.head ? "is at version " + VersionJson(outcome.head) : std::string("does not exist");
  return "expected " + FormatExpected(append.expected) + ", but the stream " + met;
}

HttpResponse Answer(const Appending& append, const Result<AppendOutcome>& result) {
  if (!result.ok()) {
    return ProblemResponse(result.error(), {{"appendId", Quoted(append.id.str())}});
  }
  HttpResponse response = result->admitted ? Admitted(append, *result)
                                           : ProblemResponse(ProblemNamed("version-conflict"),
                                                             ConflictDetail(append, *result),
                                                             ConflictMembers(append, *result));
  if (!result->admitted && result->head) {
    response.fields.emplace_back("ETag", "\"" + VersionJson(result->head) + "\"");
  }
  if (result->replayed) response.fields.emplace_back("Idempotent-Replayed", "true");
  return response;
}

std::vector<std::pair<std::string_view, std::string_view>> FieldViews(const HttpRequest& request) {
  std::vector<std::pair<std::string_view, std::string_view>> views;
  views.reserve(request.fields.size());
  for (const HttpField& field : request.fields) views.emplace_back(field.name, field.value);
  return views;
}

/// Gives an event what the server adds to it.
Event Complete(Event event, const TopicName& topic, const StreamName& stream,
               const Context& context) {
  const std::int64_t now_ns = context.parts.clock.WallNs();
  if (event.id.empty()) event.id = MakeUuidV7(now_ns, context.parts.random);
  if (event.source.empty()) event.source = "/v1/topics/" + topic.str();
  if (event.subject.empty()) event.subject = stream.str();
  if (event.time.empty()) event.time = FormatRfc3339(now_ns / kNsPerMs);
  return event;
}

AppendCommand MakeCommand(const Appending& append, bool id_from_client,
                          std::vector<SubmittedEvent> submitted, const HttpRequest& request,
                          const Context& context) {
  AppendCommand command;
  command.topic = append.topic;
  command.stream = append.stream;
  command.id = append.id;
  command.id_from_client = id_from_client;
  command.expected = append.expected;
  command.fingerprint = FingerprintOf(append.expected, submitted);
  command.events.reserve(submitted.size());
  for (SubmittedEvent& event : submitted) {
    command.events.push_back(
        Complete(std::move(event.event), append.topic, append.stream, context));
  }
  if (const std::string* trace = request.Find("traceparent")) command.traceparent = *trace;
  return command;
}

AppendId IdOr(std::optional<AppendId> given, const Context& context) {
  if (given) return *std::move(given);
  return AppendId(MakeUuidV7(context.parts.clock.WallNs(), context.parts.random));
}

Deadline AppendDeadline(const Context& context, const Preferences& preferences) {
  std::chrono::milliseconds wait = context.options.append_timeout;
  if (preferences.wait) wait = std::min<std::chrono::milliseconds>(wait, *preferences.wait);
  return context.Now() + wait;
}

/// Calls `then`, at once where the topic is known; else first looks for it where waiting is
/// allowed.
void WithTopic(Context& context, const CallPtr& call, const TopicName& topic,
               std::function<void()> then) {
  if (context.store().Knows(topic)) {
    then();
    return;
  }
  RunQuery(context, call, [&context, topic, then = std::move(then)]() -> Status {
    BITACORA_RETURN_IF_ERROR(context.store().GetTopic(topic).status());
    then();
    return {};
  });
}

HttpResponse Accepted(const Appending& append) {
  HttpResponse response = JsonResponse(202, R"({"appendId":)" + Quoted(append.id.str()) + "}");
  response.fields.emplace_back("Location", StreamPath(append.topic, append.stream) + "/appends/" +
                                               PercentEncode(append.id.str()));
  response.fields.emplace_back("Preference-Applied", "respond-async");
  return response;
}

Status Append(Context& context, const CallPtr& call) {
  const HttpRequest& request = call->request;
  BITACORA_ASSIGN_OR_RETURN(TopicName topic, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(StreamName stream, ParseStreamName(call->parameters[1]));
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query, QueryParameters::Parse(request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  BITACORA_ASSIGN_OR_RETURN(const Expected expected, ReadCondition(request));
  BITACORA_ASSIGN_OR_RETURN(std::optional<AppendId> key, ReadIdempotencyKey(request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(request, context.options.wait_max));
  BITACORA_ASSIGN_OR_RETURN(AppendBody body,
                            ParseAppendBody(FieldViews(request), request.body, false));
  const bool id_from_client = key.has_value();
  auto append = std::make_shared<const Appending>(
      Appending{std::move(topic), std::move(stream), IdOr(std::move(key), context), expected});
  // Shared: std::function must be copyable, an append's events are not to be copied.
  auto command = std::make_shared<AppendCommand>(
      MakeCommand(*append, id_from_client, std::move(body.events), request, context));
  WithTopic(context, call, append->topic, [&context, call, append, command, preferences] {
    // With respond-async the verdict and the 202 race; whoever is first answers.
    auto answered = std::make_shared<std::atomic<bool>>(false);
    context.store().Append(std::move(*command), AppendDeadline(context, preferences),
                           [call, append, answered](const Result<AppendOutcome>& result) {
                             if (!answered->exchange(true)) call->Reply(Answer(*append, result));
                           });
    if (preferences.respond_async && !answered->exchange(true)) call->Reply(Accepted(*append));
  });
  return {};
}

// ---- Bulk

/// The answers of a bulk append as they come in.
struct Bulk {
  explicit Bulk(std::size_t count) : results(count), positions(count), left(count) {}
  std::vector<std::string> results;
  std::vector<Position> positions;
  std::atomic<std::size_t> left;
};

std::string BulkResult(const Appending& append, const Result<AppendOutcome>& result) {
  if (!result.ok()) {
    return ProblemJson(result.error(), {{"appendId", Quoted(append.id.str())}});
  }
  if (!result->admitted) {
    return ProblemJson(ProblemNamed("version-conflict"), ConflictDetail(append, *result),
                       ConflictMembers(append, *result));
  }
  std::string json = R"({"status":201,"stream":)" + Quoted(append.stream.str());
  json.append(R"(,"version":)").append(VersionJson(result->head));
  json.append(R"(,"appendId":)").append(Quoted(append.id.str())).append("}");
  return json;
}

HttpResponse BulkAnswer(const Bulk& bulk) {
  std::string json = R"({"results":[)";
  Position all;
  for (std::size_t i = 0; i < bulk.results.size(); ++i) {
    if (i > 0) json.push_back(',');
    json.append(bulk.results[i]);
    for (const auto& [partition, place] : bulk.positions[i].next) {
      all.log_tag = bulk.positions[i].log_tag;
      all.next[partition] = std::max(all.next[partition], place);
    }
  }
  HttpResponse response = JsonResponse(200, json.append("]}"));
  if (!all.next.empty()) response.fields.emplace_back(kPositionField, FormatPosition(all));
  return response;
}

Error MalformedEvent(std::size_t index, const std::string& what) {
  return {ErrorCode::kInvalidArgument, "event " + std::to_string(index) + ": " + what,
          "malformed-event"};
}

Result<std::vector<AppendCommand>> BulkCommands(Context& context, const HttpRequest& request,
                                                const TopicName& topic,
                                                const std::optional<AppendId>& key) {
  BITACORA_ASSIGN_OR_RETURN(AppendBody body,
                            ParseAppendBody(FieldViews(request), request.body, true));
  std::vector<AppendCommand> commands;
  commands.reserve(body.events.size());
  for (std::size_t i = 0; i < body.events.size(); ++i) {
    SubmittedEvent& event = body.events[i];
    auto stream = ParseStreamName(event.stream);
    if (!stream.ok()) return MalformedEvent(i, stream.error().message());
    Appending append{topic, *std::move(stream), {}, {}};
    if (!event.expected_version.empty()) {
      const auto expected = ParseExpected(event.expected_version);
      if (!expected) return MalformedEvent(i, "expectedversion is new, exists or a number");
      append.expected = *expected;
    }
    append.id = key ? AppendId(key->str() + "#" + std::to_string(i)) : IdOr({}, context);
    std::vector<SubmittedEvent> one;
    one.push_back(std::move(event));
    commands.push_back(MakeCommand(append, key.has_value(), std::move(one), request, context));
  }
  return commands;
}

Status BulkAppend(Context& context, const CallPtr& call) {
  const HttpRequest& request = call->request;
  BITACORA_ASSIGN_OR_RETURN(const TopicName topic, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query, QueryParameters::Parse(request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  if (request.Count("if-match") + request.Count("if-none-match") > 0) {
    return Error(ErrorCode::kInvalidArgument,
                 "a bulk append has no condition of its own; each event may carry expectedversion",
                 "invalid-condition");
  }
  BITACORA_ASSIGN_OR_RETURN(const std::optional<AppendId> key, ReadIdempotencyKey(request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(request, context.options.wait_max));
  BITACORA_ASSIGN_OR_RETURN(std::vector<AppendCommand> parsed,
                            BulkCommands(context, request, topic, key));
  auto commands = std::make_shared<std::vector<AppendCommand>>(std::move(parsed));
  WithTopic(context, call, topic, [&context, call, commands, preferences] {
    const auto bulk = std::make_shared<Bulk>(commands->size());
    const Deadline deadline = AppendDeadline(context, preferences);
    for (std::size_t i = 0; i < commands->size(); ++i) {
      AppendCommand& command = (*commands)[i];
      const Appending append{command.topic, command.stream, command.id, command.expected};
      context.store().Append(std::move(command), deadline,
                             [call, bulk, append, i](const Result<AppendOutcome>& result) {
                               bulk->results[i] = BulkResult(append, result);
                               if (result.ok()) bulk->positions[i] = result->position;
                               if (--bulk->left == 0) call->Reply(BulkAnswer(*bulk));
                             });
    }
  });
  return {};
}

// ---- Verdicts

HttpResponse VerdictAnswer(const AppendOutcome& outcome) {
  std::string json = R"({"appendId":)" + Quoted(outcome.id.str());
  json.append(R"(,"verdict":)").append(outcome.admitted ? R"("admitted")" : R"("conflict")");
  json.append(R"(,"firstVersion":)")
      .append(outcome.admitted ? std::to_string(outcome.first_version.value) : "null");
  json.append(R"(,"version":)").append(VersionJson(outcome.head));
  json.append(R"(,"count":)").append(std::to_string(outcome.count)).append("}");
  HttpResponse response = JsonResponse(200, std::move(json));
  response.fields.emplace_back(kPositionField, FormatPosition(outcome.position));
  return response;
}

/// As the field carries it, and as a bulk append makes it (K#i).
Result<AppendId> ParseAppendId(const std::string& text) {
  if (const std::size_t hash = text.find('#'); hash != std::string::npos) {
    BITACORA_RETURN_IF_ERROR(ParseIdempotencyKey(text.substr(0, hash)).status());
    if (!ParseDecimal(text.substr(hash + 1), kAppendEventsMax)) {
      return Error(ErrorCode::kInvalidArgument, "this is no append id", "invalid-idempotency-key");
    }
    return AppendId(text);
  }
  return ParseIdempotencyKey(text);
}

Status GetAppend(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const TopicName topic, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(const StreamName stream, ParseStreamName(call->parameters[1]));
  BITACORA_ASSIGN_OR_RETURN(const AppendId id, ParseAppendId(call->parameters[2]));
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(call->request, context.options.wait_max));
  const std::chrono::milliseconds wait = preferences.wait.value_or(std::chrono::seconds(5));
  RunQuery(context, call, [&context, call, topic, stream, id, wait]() -> Status {
    context.store().FindAppend(topic, stream, id, context.Now() + wait,
                               [call, id](const Result<AppendOutcome>& result) {
                                 if (result.ok()) {
                                   call->Reply(VerdictAnswer(*result));
                                 } else {
                                   call->Refuse(result.error(), {{"appendId", Quoted(id.str())}});
                                 }
                               });
    return {};
  });
  return {};
}

}  // namespace

std::vector<Route> AppendRoutes(Context& context) {
  return {Handler(context, "POST", "/v1/topics/{topic}/streams/{stream}/events", Append),
          Handler(context, "POST", "/v1/topics/{topic}/events", BulkAppend),
          Handler(context, "GET", "/v1/topics/{topic}/streams/{stream}/appends/{id}", GetAppend)};
}

}  // namespace bitacora::api
