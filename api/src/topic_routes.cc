#include <algorithm>
#include <utility>

#include <bitacora/base/encoding.h>
#include <bitacora/consumers/topic_reader.h>
#include <bitacora/domain/json.h>

#include "src/event_page.h"
#include "src/read_routes.h"
#include "src/uri.h"

namespace bitacora::api {
namespace {

using consumers::TopicPage;
using consumers::TopicQuery;
using event_store::EventStore;
using event_store::Topic;
using event_store::TopicKind;

constexpr std::int32_t kPartitionsDefault = 8;
constexpr std::int32_t kPartitionsMax = 64;

// ---- Reading and following

/// A topic read on its way, perhaps through several waits.
struct TopicRead {
  TopicQuery query;
  bool batch = false;
  Deadline deadline;
  bool waits = false;  ///< Prefer: wait was given.
};

HttpResponse PageAnswer(const TopicRead& read, const TopicPage& page) {
  const std::string token = FormatPosition(page.next);
  HttpResponse response;
  response.fields.emplace_back("Content-Type", read.batch ? kCloudEventsBatch : kJson);
  response.fields.emplace_back(kPositionField, token);
  response.fields.emplace_back("Vary", "Accept");
  response.body =
      read.batch ? EventBatchJson(page.events) : EventPageJson(page.events, "\"" + token + "\"");
  return response;
}

void RunRead(Context& context, const CallPtr& call, const std::shared_ptr<TopicRead>& read);

/// Reads again once `wait` for `position` is fulfilled, or calls `late` at the deadline.
void ReadAfter(Context& context, const CallPtr& call, const std::shared_ptr<TopicRead>& read,
               const Position& position, event_store::WaitFor wait, std::function<void()> late) {
  context.store().WhenApplied(read->query.topic, position, wait, read->deadline,
                              [&context, call, read, late = std::move(late)](bool fulfilled) {
                                if (!call->responder.Alive()) return;
                                if (fulfilled) {
                                  RunRead(context, call, read);
                                } else {
                                  late();
                                }
                              });
}

Status ReadOnce(Context& context, const CallPtr& call, const std::shared_ptr<TopicRead>& read) {
  auto page = consumers::ReadTopic(
      context.store(), read->query,
      [&context](std::function<void()> part) { context.queries.Offer(std::move(part)); });
  const bool in_time = context.Now() < read->deadline;
  if (!page.ok()) {
    // Another node has told the client of what this one has not folded yet.
    if (page.error().reason() != "position-ahead" || !in_time) return page.error();
    ReadAfter(context, call, read, read->query.from, event_store::WaitFor::kAll,
              [call, error = page.error()] { call->Refuse(error); });
    return {};
  }
  if (!page->events.empty() || !read->waits || !in_time) {
    call->Reply(PageAnswer(*read, *page));
    return {};
  }
  // Nothing matched so far. What was looked at is not looked at again.
  read->query.from = page->next;
  if (!page->at_end) {
    RunRead(context, call, read);
    return {};
  }
  // Not page->next: the page moves into the closure that is an argument of the same call.
  ReadAfter(context, call, read, read->query.from, event_store::WaitFor::kAny,
            [call, read, nothing = std::move(*page)] { call->Reply(PageAnswer(*read, nothing)); });
  return {};
}

void RunRead(Context& context, const CallPtr& call, const std::shared_ptr<TopicRead>& read) {
  ResumeQuery(context, call, [&context, call, read] { return ReadOnce(context, call, read); });
}

/// Where `position=` and `since=` say to start. Blocks.
Result<Position> StartOf(EventStore& store, const TopicName& topic,
                         const std::optional<std::string>& position,
                         const std::optional<std::int64_t>& since_ms) {
  if (since_ms) return store.PositionForTime(topic, *since_ms);
  if (!position || *position == "earliest") return Position();
  if (*position == "latest") return store.LatestPosition(topic);
  return ParsePosition(*position);
}

Status ReadTopic(Context& context, const CallPtr& call) {
  auto read = std::make_shared<TopicRead>();
  BITACORA_ASSIGN_OR_RETURN(read->query.topic, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(QueryParameters parameters,
                            QueryParameters::Parse(call->request.query));
  BITACORA_ASSIGN_OR_RETURN(const auto position, parameters.Take("position"));
  BITACORA_ASSIGN_OR_RETURN(const auto since, parameters.Take("since"));
  BITACORA_ASSIGN_OR_RETURN(const auto limit, parameters.TakeNumber("limit", 1, LimitMax(context)));
  read->query.types = parameters.TakeAll("type");
  read->query.streams = parameters.TakeAll("stream");
  BITACORA_RETURN_IF_ERROR(parameters.Finish());
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Position> at_least, ReadAtLeast(call->request));
  BITACORA_ASSIGN_OR_RETURN(const Preferences preferences,
                            ReadPreferences(call->request, context.options.wait_max));
  read->query.limit =
      static_cast<int>(limit.value_or(std::min<std::int64_t>(100, LimitMax(context))));
  read->query.bytes_max = context.options.page_bytes_max;
  std::optional<std::int64_t> since_ms;
  if (since) {
    since_ms = ParseRfc3339(*since);
    if (!since_ms || position) {
      return Error(ErrorCode::kInvalidArgument,
                   "since is an RFC 3339 time, and excludes the parameter position",
                   "invalid-parameter");
    }
  }
  const std::vector<std::string_view> offered{kJson, kCloudEventsBatch};
  const auto chosen = Negotiate(call->request, offered);
  if (!chosen) {
    call->Reply(NotAcceptable(offered));
    return {};
  }
  read->batch = *chosen == 1;
  read->waits = preferences.wait.has_value() && preferences.wait->count() > 0;
  read->deadline = WaitEnd(context, preferences);
  AfterFold(context, call, read->query.topic, at_least, read->deadline,
            [&context, call, read, position, since_ms]() -> Status {
              BITACORA_ASSIGN_OR_RETURN(
                  read->query.from,
                  StartOf(context.store(), read->query.topic, position, since_ms));
              return ReadOnce(context, call, read);
            });
  return {};
}

// ---- Topics themselves

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(&json, text);
  return json;
}

std::string TopicMembers(const Topic& topic) {
  std::string json = R"("name":)" + Quoted(topic.name.str());
  json.append(R"(,"kind":)")
      .append(topic.kind == TopicKind::kOwned ? R"("owned")" : R"("adopted")");
  json.append(R"(,"partitions":)").append(std::to_string(topic.partitions));
  json.append(R"(,"events":)").append(std::to_string(topic.events));
  json.append(R"(,"durability":)").append(Quoted(DurabilityName(topic.durability)));
  const std::string problem =
      topic.problem.empty() && topic.catching_up ? "not-caught-up" : topic.problem;
  if (!problem.empty()) json.append(R"(,"problem":)").append(Quoted(problem));
  return json;
}

HttpResponse TopicAnswer(Context& context, int status, const Topic& topic) {
  std::string json = "{" + TopicMembers(topic) + R"(,"offsets":[)";
  const auto earliest = context.store().EarliestPosition(topic.name);
  const auto latest = context.store().LatestPosition(topic.name);
  if (earliest.ok() && latest.ok()) {
    bool first = true;
    for (const auto& [partition, start] : earliest->next) {
      if (!first) json.push_back(',');
      first = false;
      const auto end = latest->next.find(partition);
      json.append(R"({"partition":)").append(std::to_string(partition.value));
      json.append(R"(,"earliest":")").append(std::to_string(start.offset.value));
      json.append(R"(","latest":")")
          .append(std::to_string(end == latest->next.end() ? 0 : end->second.offset.value))
          .append(R"("})");
    }
  }
  return JsonResponse(status, json.append("]}"));
}

Status ListTopics(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  std::string json = R"({"topics":[)";
  bool first = true;
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Topic> topics, context.store().Topics());
  for (const Topic& topic : topics) {
    if (!first) json.push_back(',');
    first = false;
    json.append("{").append(TopicMembers(topic)).append("}");
  }
  call->Reply(JsonResponse(200, json.append("]}")));
  return {};
}

Status GetTopic(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const TopicName name, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  RunQuery(context, call, [&context, call, name]() -> Status {
    BITACORA_ASSIGN_OR_RETURN(const Topic topic, context.store().GetTopic(name));
    call->Reply(TopicAnswer(context, 200, topic));
    return {};
  });
  return {};
}

/// What PUT asks for: `{"partitions":N}` or `{"kind":"owned"}`; nothing means the default.
struct PutTopicBody {
  std::int32_t partitions = kPartitionsDefault;
  bool own = false;
};

Error BadTopicBody(std::string_view what) {
  return {ErrorCode::kInvalidArgument, std::string(what), "malformed-json"};
}

Result<PutTopicBody> ParsePutTopic(const HttpRequest& request) {
  PutTopicBody put;
  if (request.body.empty()) return put;
  BITACORA_RETURN_IF_ERROR(RequireJson(request));
  const auto members = JsonObjectMembers(request.body);
  if (!members.ok()) return BadTopicBody("the body is a JSON object");
  if (members->size() > 1) return BadTopicBody("the body has one member: partitions or kind");
  for (const JsonMember& member : *members) {
    if (member.name == "partitions") {
      const auto number = ParseDecimal(member.value, kPartitionsMax);
      if (!number || *number < 1) return BadTopicBody("partitions is a number from 1 to 64");
      put.partitions = static_cast<std::int32_t>(*number);
    } else if (member.name == "kind" && member.value == R"("owned")") {
      put.own = true;
    } else {
      return BadTopicBody(R"(the body is {"partitions": N} or {"kind": "owned"})");
    }
  }
  return put;
}

Status PutTopic(Context& context, const CallPtr& call) {
  BITACORA_ASSIGN_OR_RETURN(const TopicName name, TopicFromPath(call->parameters[0]));
  BITACORA_ASSIGN_OR_RETURN(const QueryParameters query,
                            QueryParameters::Parse(call->request.query));
  BITACORA_RETURN_IF_ERROR(query.Finish());
  BITACORA_ASSIGN_OR_RETURN(const PutTopicBody put, ParsePutTopic(call->request));
  RunQuery(context, call, [&context, call, name, put]() -> Status {
    BITACORA_ASSIGN_OR_RETURN(const EventStore::Made made,
                              put.own ? context.store().OwnTopic(name)
                                      : context.store().CreateTopic(name, put.partitions));
    BITACORA_ASSIGN_OR_RETURN(const Topic topic, context.store().GetTopic(name));
    HttpResponse response = TopicAnswer(context, made == EventStore::Made::kNew ? 201 : 200, topic);
    if (made == EventStore::Made::kNew) {
      response.fields.emplace_back("Location", "/v1/topics/" + name.str());
    }
    call->Reply(std::move(response));
    return {};
  });
  return {};
}

}  // namespace

std::vector<Route> TopicRoutes(Context& context) {
  return {Handler(context, "GET", "/v1/topics", ListTopics),
          Handler(context, "GET", "/v1/topics/{topic}", GetTopic),
          Handler(context, "PUT", "/v1/topics/{topic}", PutTopic),
          Handler(context, "GET", "/v1/topics/{topic}/events", ReadTopic)};
}

}  // namespace bitacora::api
