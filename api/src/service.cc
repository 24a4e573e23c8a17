#include <iterator>
#include <utility>

#include <bitacora/api/service.h>

#include "src/append_routes.h"
#include "src/context.h"
#include "src/drill_routes.h"
#include "src/problems.h"
#include "src/query_pool.h"
#include "src/read_routes.h"
#include "src/router.h"
#include "src/system_routes.h"

namespace bitacora::api {
namespace {

std::vector<Route> AllRoutes(Context& context) {
  std::vector<Route> all;
  for (std::vector<Route> some :
       {AppendRoutes(context), StreamRoutes(context), TopicRoutes(context),
        ReadModelRoutes(context), DrillRoutes(context), SystemRoutes(context)}) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

struct Service::Impl {
  Impl(const ServiceOptions& options_, const ServiceParts& parts)
      : options(options_),
        context{options, parts, queries, draining, fold_rate},
        router(AllRoutes(context)),
        queries(options.query_threads, options.queries_waiting_max) {}

  const ServiceOptions options;
  std::atomic<bool> draining{false};
  FoldRate fold_rate;
  Context context;
  const Router router;
  QueryPool queries;  // Last: its threads use all of the above.
};

Service::Service(const ServiceOptions& options, const ServiceParts& parts)
    : impl_(std::make_unique<Impl>(options, parts)) {}
Service::~Service() = default;

void Service::Handle(HttpRequest request, Responder responder) {
  impl_->router.Dispatch(std::move(request), std::move(responder));
}

HttpResponse Service::ErrorPage(int status, std::string_view reason, std::string_view detail) {
  for (const ProblemKind& kind : AllProblems()) {
    if (kind.name == reason) return ProblemResponse(kind, detail);
  }
  for (const ProblemKind& kind : AllProblems()) {
    if (kind.status() == status) return ProblemResponse(kind, detail);
  }
  return ProblemResponse(ProblemNamed("internal"), detail);
}

void Service::StartDraining() {
  impl_->draining = true;
  impl_->context.store().EndWaits();
  impl_->context.read_models().EndWaits();
}

void Service::Stop() { impl_->queries.Stop(); }

std::vector<Service::RouteName> Service::routes() const {
  std::vector<RouteName> names;
  for (const Route& route : impl_->router.routes()) names.push_back({route.method, route.path});
  return names;
}

}  // namespace bitacora::api
