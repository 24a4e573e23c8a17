#include "src/serve.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <utility>

#include <pthread.h>

#include <bitacora/api/http_server.h>
#include <bitacora/api/service.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/log.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/uuid.h>
#include <bitacora/consumers/read_models.h>
#include <bitacora/event_store/embedded_log.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/kafka_log.h>

#include "src/data_directory.h"
#include "src/exit_code.h"

namespace bitacora::cli {
namespace {

int ExitCodeOf(const Error& error) {
  if (error.reason() == "disk-too-full") return kDiskFull;
  switch (error.code()) {
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
      return kDataInUse;
    case ErrorCode::kCorruption:
      return kDamaged;
    default:
      return kUsage;
  }
}

int Fail(const Error& error) {
  std::cerr << "bitacora: " << error.message() << "\n";
  return ExitCodeOf(error);
}

/// SIGTERM and SIGINT, taken by whoever waits for them and by nobody else. Made before any thread.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  int Wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
    return signal;
  }

 private:
  sigset_t signals_{};
};

Result<std::unique_ptr<event_store::Log>> OpenLog(const ServeOptions& options,
                                                  const DataDirectory& directory,
                                                  Metrics& metrics) {
  if (!options.kafka_brokers.empty()) {
    event_store::KafkaLogOptions kafka;
    kafka.brokers = options.kafka_brokers;
    kafka.properties = options.kafka_properties;
    return event_store::OpenKafkaLog(kafka, metrics);
  }
  event_store::EmbeddedLogOptions embedded;
  embedded.directory = directory.log_path();
  embedded.free_bytes_min = options.free_bytes_min;
  embedded.sync = options.sync;
  return event_store::OpenEmbeddedLog(embedded, metrics);
}

event_store::EventStoreOptions StoreOptions(const ServeOptions& options,
                                            const DataDirectory& directory) {
  event_store::EventStoreOptions store;
  store.state_directory = directory.state_path() + "/streams";
  store.copy_records = !options.kafka_brokers.empty();
  store.fold_threads = options.fold_threads;
  store.append_bytes_max = options.append_bytes_max;
  return store;
}

api::ServiceOptions ApiOptions(const ServeOptions& options) {
  api::ServiceOptions service;
  service.append_timeout = options.append_timeout;
  service.http = options.http;
  service.append_bytes_max = options.append_bytes_max;
  service.page_events_max = options.page_events_max;
  service.page_bytes_max = options.page_bytes_max;
  service.wait_max = std::chrono::duration_cast<std::chrono::seconds>(options.wait_max);
  service.version = BITACORA_VERSION;
  service.log = options.kafka_brokers.empty() ? "embedded" : "kafka";
  return service;
}

std::string UrlHost(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Status Serve(const ServeOptions& options, const StopSignals& signals) {
  const bool kafka = !options.kafka_brokers.empty();
  BITACORA_ASSIGN_OR_RETURN(
      const auto directory,
      DataDirectory::Open(options.data_directory, kafka ? DataDirectory::LogKind::kKafka
                                                        : DataDirectory::LogKind::kEmbedded));
  Metrics metrics;
  BITACORA_ASSIGN_OR_RETURN(const auto log, OpenLog(options, *directory, metrics));
  BITACORA_ASSIGN_OR_RETURN(const auto store,
                            event_store::EventStore::Open(StoreOptions(options, *directory), *log,
                                                          SystemClock(), SystemRandom(), metrics));
  consumers::ReadModelsOptions models;
  models.directory = directory->state_path() + "/read_models";
  BITACORA_ASSIGN_OR_RETURN(const auto read_models,
                            consumers::ReadModels::Open(models, *store, SystemClock(), metrics));
  api::Service service(ApiOptions(options),
                       {*store, *read_models, SystemClock(), SystemRandom(), metrics});

  api::HttpServerOptions http;
  http.host = options.host;
  http.port = options.port;
  http.workers = options.workers;
  http.limits = options.http;
  const auto started = api::HttpServer::Start(
      http, metrics,
      [&service](api::HttpRequest request, api::Responder responder) {
        service.Handle(std::move(request), std::move(responder));
      },
      api::Service::ErrorPage);
  // A port in use is a matter of flags; only a directory in use has an exit code of its own.
  if (!started.ok()) return Error(ErrorCode::kInvalidArgument, started.error().message());
  const std::unique_ptr<api::HttpServer>& server = *started;
  std::cout << "listening on http://" << UrlHost(options.host) << ":" << server->port()
            << std::endl;

  const int signal = signals.Wait();
  LogInfo("draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  service.StartDraining();
  const bool drained = server->Drain(SystemClock().Now() + options.drain_timeout);
  if (!drained) LogWarning("some requests were not answered in time");
  LogInfo("stopped");
  return {};
}

}  // namespace

int RunServe(const ServeOptions& options) {
  ConfigureLog(options.log_level, options.log_format);
  const StopSignals signals;
  const Status served = Serve(options, signals);
  return served.ok() ? kDone : Fail(served.error());
}

}  // namespace bitacora::cli
