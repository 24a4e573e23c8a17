// What the routes share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/api/service.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/position.h>

#include "src/query_pool.h"
#include "src/request_fields.h"
#include "src/router.h"

namespace bitacora::api {

/// How fast the node folds what the log holds, from one look to the next.
class FoldRate {
 public:
  /// Whole seconds until `to_go` more offsets are folded, rounded up; nothing before it is known.
  std::optional<std::int64_t> SecondsLeft(Deadline now, std::int64_t applied, std::int64_t to_go)
      EXCLUDES(mu_);

 private:
  Mutex mu_;
  std::optional<std::pair<Deadline, std::int64_t>> first_ GUARDED_BY(mu_);
};

struct Context {
  const ServiceOptions& options;
  ServiceParts parts;
  QueryPool& queries;
  std::atomic<bool>& draining;
  FoldRate& fold_rate;

  event_store::EventStore& store() const { return parts.store; }
  consumers::ReadModels& read_models() const { return parts.read_models; }
  consumers::Drills& drills() const { return parts.drills; }
  Deadline Now() const { return parts.clock.Now(); }
};

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kCloudEventsBatch = "application/cloudevents-batch+json";
inline constexpr std::string_view kPositionField = "Bitacora-Position";

/// The most events one page may be asked for.
inline std::int64_t LimitMax(const Context& context) {
  return static_cast<std::int64_t>(context.options.page_events_max);
}

/// A topic's name from a path: not one that is reserved.
Result<TopicName> TopicFromPath(std::string_view text);

/// A route whose handler's error refuses the call.
Route Handler(Context& context, std::string_view method, std::string_view path,
              Status (*handle)(Context&, const CallPtr&));

HttpResponse JsonResponse(int status, std::string body);

/// That the body is one JSON text and says so: "unsupported-media-type", "malformed-json".
Status RequireJson(const HttpRequest& request);

HttpResponse NotAcceptable(const std::vector<std::string_view>& offered);

/// Runs `work`, which blocks, on the query pool; what it returns as an error refuses the call.
void RunQuery(Context& context, const CallPtr& call, std::function<Status()> work);

/// As RunQuery, for a call that has come that far before and has waited since: it is not refused
/// because of others.
void ResumeQuery(Context& context, const CallPtr& call, std::function<Status()> work);

/// The one position that is reached where all of `demands` are; "position-from-another-log" where
/// they are of different logs.
Result<Position> AllOf(const std::vector<Position>& demands);

/// Until when a read with these preferences waits for Bitacora-At-Least.
Deadline WaitEnd(const Context& context, const Preferences& preferences);

/// Whether it is yet to be folded, or found out, what the log held of `topic` when this node began.
bool IsCatchingUp(const Context& context, const TopicName& topic);

/// Calls `then` on a thread that may block, once the fold of `topic` has applied `demands` (all of
/// them) and what the log held when this node began; refuses with "fold-behind" or "not-caught-up"
/// at `deadline`, and with "position-from-another-log".
void AfterFold(Context& context, const CallPtr& call, const TopicName& topic,
               std::vector<Position> demands, Deadline deadline, std::function<Status()> then);

/// The same of a read model, and what the topic held when the model was started; refuses with
/// "read-model-behind", "read-model-stopped", "read-model-unknown".
void AfterModel(Context& context, const CallPtr& call, const std::string& model,
                std::vector<Position> demands, Deadline deadline, std::function<Status()> then);

}  // namespace bitacora::api
