#include "src/context.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include <bitacora/domain/json.h>

namespace bitacora::api {
namespace {

Error FromAnotherLog() {
  return {ErrorCode::kInvalidArgument, "Bitacora-At-Least names another topic's position",
          "position-from-another-log"};
}

bool IsBehind(Context& context, const std::string& model) {
  const auto to = context.read_models().CatchingUpTo(model);
  return !to.ok() || !to->next.empty();
}

/// Why a read does not come to pass that has waited for the fold.
Error NotFolded(bool catching_up) {
  if (catching_up) {
    return {
        ErrorCode::kUnavailable,
        "this node is still folding what the log held when it began; /readyz says how far it is",
        "not-caught-up"};
  }
  return {ErrorCode::kUnavailable, "this node has not folded the position of Bitacora-At-Least yet",
          "fold-behind"};
}

/// `work`, refusing `call` with what it returns as an error.
std::function<void()> OrRefuse(const CallPtr& call, std::function<Status()> work) {
  return [call, work = std::move(work)] {
    const Status status = work();
    if (!status.ok()) call->Refuse(status.error());
  };
}

}  // namespace

std::optional<std::int64_t> FoldRate::SecondsLeft(Deadline now, std::int64_t applied,
                                                  std::int64_t to_go) {
  if (to_go == 0) return 0;
  MutexLock lock(mu_);
  if (!first_) first_ = {now, applied};
  const std::int64_t folded = applied - first_->second;
  const double seconds = std::chrono::duration<double>(now - first_->first).count();
  if (folded <= 0 || seconds <= 0) return std::nullopt;
  return static_cast<std::int64_t>(
      std::ceil(static_cast<double>(to_go) * seconds / static_cast<double>(folded)));
}

Result<TopicName> TopicFromPath(std::string_view text) {
  BITACORA_ASSIGN_OR_RETURN(TopicName topic, ParseTopicName(text));
  if (IsReservedTopic(topic)) {
    return Error(ErrorCode::kInvalidArgument,
                 "names that begin with __ or bitacora. belong to Kafka and to Bitacora",
                 "invalid-topic-name");
  }
  return topic;
}

Route Handler(Context& context, std::string_view method, std::string_view path,
              Status (*handle)(Context&, const CallPtr&)) {
  return {method, path, [&context, handle](const CallPtr& call) {
            const Status status = handle(context, call);
            if (!status.ok()) call->Refuse(status.error());
          }};
}

HttpResponse JsonResponse(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.fields.emplace_back("Content-Type", kJson);
  response.body = std::move(body);
  return response;
}

Status RequireJson(const HttpRequest& request) {
  const std::string* type = request.Find("content-type");
  const std::string_view media = type == nullptr ? "" : std::string_view(*type);
  const std::string_view behind = media.substr(std::min(media.size(), kJson.size()));
  if (!media.starts_with(kJson) || !(behind.empty() || behind[0] == ';' || behind[0] == ' ')) {
    return Error(ErrorCode::kInvalidArgument, "the body is application/json",
                 "unsupported-media-type");
  }
  const Status json = CheckJson(request.body);
  if (json.ok()) return {};
  return Error(ErrorCode::kInvalidArgument, json.error().message(), "malformed-json");
}

HttpResponse NotAcceptable(const std::vector<std::string_view>& offered) {
  std::string detail = "the answer can be";
  for (std::size_t i = 0; i < offered.size(); ++i) {
    detail.append(i == 0 ? " " : " or ").append(offered[i]);
  }
  return ProblemResponse(ProblemNamed("not-acceptable"), detail);
}

void RunQuery(Context& context, const CallPtr& call, std::function<Status()> work) {
  context.queries.Run(call, OrRefuse(call, std::move(work)));
}

void ResumeQuery(Context& context, const CallPtr& call, std::function<Status()> work) {
  context.queries.Resume(call, OrRefuse(call, std::move(work)));
}

Result<Position> AllOf(const std::vector<Position>& demands) {
  Position all;
  if (!demands.empty()) all.log_tag = demands.front().log_tag;
  for (const Position& demand : demands) {
    if (demand.log_tag != all.log_tag) return FromAnotherLog();
    for (const auto& [partition, place] : demand.next) {
      PartitionPosition& furthest = all.next[partition];
      furthest = std::max(furthest, place);
    }
  }
  return all;
}

Deadline WaitEnd(const Context& context, const Preferences& preferences) {
  return context.Now() + (preferences.wait ? std::chrono::milliseconds(*preferences.wait)
                                           : context.options.at_least_timeout);
}

bool IsCatchingUp(const Context& context, const TopicName& topic) {
  const std::optional<Position> to = context.store().CatchingUpTo(topic);
  return !to || !to->next.empty();
}

void AfterFold(Context& context, const CallPtr& call, const TopicName& topic,
               std::vector<Position> demands, Deadline deadline, std::function<Status()> then) {
  if (demands.empty() && !IsCatchingUp(context, topic)) {
    RunQuery(context, call, std::move(then));
    return;
  }
  RunQuery(context, call,
           [&context, call, topic, demands = std::move(demands), deadline,
            then = std::move(then)]() mutable -> Status {
             // This hosts the topic, where it is not hosted yet.
             BITACORA_ASSIGN_OR_RETURN(const event_store::Topic known,
                                       context.store().GetTopic(topic));
             const bool demanded = !demands.empty();
             const auto begun = context.store().CatchingUpTo(topic);
             if (begun && !begun->next.empty()) demands.push_back(*begun);
             if (demands.empty()) return then();
             BITACORA_ASSIGN_OR_RETURN(const Position all, AllOf(demands));
             if (all.log_tag != TagOfLog(known.log_id)) return FromAnotherLog();
             auto end_of_wait = [&context, call, topic, demanded, then](bool fulfilled) {
               const bool catching_up = !fulfilled && IsCatchingUp(context, topic);
               // A partition that got a problem meanwhile is waited for no longer.
               if (fulfilled || (!demanded && !catching_up)) {
                 ResumeQuery(context, call, then);
               } else {
                 call->Refuse(NotFolded(catching_up));
               }
             };
             context.store().WhenApplied(topic, all, event_store::WaitFor::kAll, deadline,
                                         std::move(end_of_wait));
             return {};
           });
}

void AfterModel(Context& context, const CallPtr& call, const std::string& model,
                std::vector<Position> demands, Deadline deadline, std::function<Status()> then) {
  RunQuery(context, call,
           [&context, call, model, demands = std::move(demands), deadline,
            then = std::move(then)]() mutable -> Status {
             const bool demanded = !demands.empty();
             BITACORA_ASSIGN_OR_RETURN(Position begun, context.read_models().CatchingUpTo(model));
             if (!begun.next.empty()) demands.push_back(std::move(begun));
             if (demands.empty()) return then();
             BITACORA_ASSIGN_OR_RETURN(const Position all, AllOf(demands));
             context.read_models().WhenApplied(
                 model, all, deadline, [&context, call, model, demanded, then](Status applied) {
                   ResumeQuery(context, call, [&context, model, demanded, then, applied] {
                     // As above: a partition that stopped meanwhile is waited for no longer.
                     const bool in_vain = !applied.ok() && (demanded || IsBehind(context, model));
                     return in_vain ? applied : then();
                   });
                 });
             return {};
           });
}

}  // namespace bitacora::api
