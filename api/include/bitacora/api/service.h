// The REST API: every route of Bitacora, on top of HttpServer.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <bitacora/api/http_server.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/base/uuid.h>
#include <bitacora/consumers/drills.h>
#include <bitacora/consumers/read_models.h>
#include <bitacora/event_store/event_store.h>

namespace bitacora::api {

struct ServiceOptions {
  /// How long an append waits for its verdict before it is undecided.
  std::chrono::milliseconds append_timeout{15'000};
  /// How long a read waits for Bitacora-At-Least unless Prefer: wait says otherwise.
  std::chrono::milliseconds at_least_timeout{5'000};
  std::size_t query_threads = 2;
  std::size_t queries_waiting_max = 1024;
  HttpLimits http;
  std::size_t append_bytes_max = 1'000'000;  ///< As EventStoreOptions has it; only shown here.
  std::size_t page_events_max = 1000;
  std::size_t page_bytes_max = 4u << 20;
  std::chrono::seconds wait_max{60};
  std::string version;  ///< Of the program, as GET /v1/version shows it.
  std::string log;      ///< "embedded" or "kafka".
};

/// What the service works on. All must live until Stop has returned; the service itself outlives
/// the store and the read models, which may still call back until they are gone.
struct ServiceParts {
  event_store::EventStore& store;
  consumers::ReadModels& read_models;
  consumers::Drills& drills;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
};

/// Thread-safe.
class Service {
 public:
  Service(const ServiceOptions& options, const ServiceParts& parts);
  ~Service();

  /// For HttpServer::Start.
  void Handle(HttpRequest request, Responder responder);
  static HttpResponse ErrorPage(int status, std::string_view reason, std::string_view detail);

  /// From now on /readyz says draining, and no read waits any more: long polls are answered as at
  /// their deadline. Appends still get their verdicts.
  void StartDraining();
  /// Ends its threads. What is asked for afterwards, and what waits and comes due, is answered with
  /// 503 "draining".
  void Stop();

  /// Method and path template of each route, as the OpenAPI document must have them.
  struct RouteName {
    std::string_view method;
    std::string_view path;
  };
  std::vector<RouteName> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitacora::api
