#include "src/serve.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>

#include <bitacora/api/http_server.h>
#include <bitacora/api/service.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/log.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/uuid.h>
#include <bitacora/consumers/drills.h>
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

/// The soft limit, often 1,024, protects programs that call select(): this one may have what the
/// hard limit allows, as Go's and Java's runtimes take it too.
void RaiseDescriptorLimit() {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
  descriptors.rlim_cur = descriptors.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0) {
    LogWarning("the limit of open files stays as it is", {{"errno", errno}});
  }
}

event_store::KafkaLogOptions KafkaOptions(const ServeOptions& options) {
  event_store::KafkaLogOptions kafka;
  kafka.brokers = options.kafka_brokers;
  kafka.properties = options.kafka_properties;
  return kafka;
}

Result<std::unique_ptr<event_store::Log>> OpenLog(const ServeOptions& options,
                                                  const DataDirectory& directory,
                                                  Metrics& metrics) {
  if (!options.kafka_brokers.empty()) {
    return event_store::OpenKafkaLog(KafkaOptions(options), metrics);
  }
  event_store::EmbeddedLogOptions embedded;
  embedded.directory = directory.log_path();
  embedded.free_bytes_min = options.free_bytes_min;
  return event_store::OpenEmbeddedLog(embedded, metrics);
}

consumers::DrillsOptions DrillOptions(const ServeOptions& options, const DataDirectory& directory) {
  consumers::DrillsOptions drills;
  drills.scratch_directory = directory.state_path() + "/drills";
  drills.free_bytes_min = options.free_bytes_min;
  if (!options.kafka_brokers.empty()) drills.kafka = KafkaOptions(options);
  return drills;
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

/// What answers, in the order in which it is taken down: nothing is called that has gone.
class Node {
 public:
  static Result<std::unique_ptr<Node>> Open(const ServeOptions& options, Metrics& metrics) {
    auto node = std::unique_ptr<Node>(new Node);
    BITACORA_RETURN_IF_ERROR(node->OpenParts(options, metrics));
    return node;
  }
  /// The HTTP server must have gone.
  ~Node() {
    if (service_ != nullptr) service_->Stop();
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  api::Service& service() { return *service_; }

 private:
  Node() = default;

  Status OpenParts(const ServeOptions& options, Metrics& metrics) {
    const bool kafka = !options.kafka_brokers.empty();
    BITACORA_ASSIGN_OR_RETURN(
        directory_,
        DataDirectory::Open(options.data_directory, kafka ? DataDirectory::LogKind::kKafka
                                                          : DataDirectory::LogKind::kEmbedded));
    BITACORA_ASSIGN_OR_RETURN(log_, OpenLog(options, *directory_, metrics));
    BITACORA_ASSIGN_OR_RETURN(
        store_, event_store::EventStore::Open(StoreOptions(options, *directory_), *log_,
                                              SystemClock(), SystemRandom(), metrics));
    consumers::ReadModelsOptions models;
    models.directory = directory_->state_path() + "/read_models";
    BITACORA_ASSIGN_OR_RETURN(read_models_,
                              consumers::ReadModels::Open(models, *store_, SystemClock(), metrics));
    BITACORA_ASSIGN_OR_RETURN(
        drills_, consumers::Drills::Open(DrillOptions(options, *directory_), *log_, *store_,
                                         *read_models_, SystemClock(), SystemRandom(), metrics));
    service_ = std::make_unique<api::Service>(
        ApiOptions(options), api::ServiceParts{*store_, *read_models_, *drills_, SystemClock(),
                                               SystemRandom(), metrics});
    return {};
  }

  std::unique_ptr<DataDirectory> directory_;
  /// Before the store and the models: their last callbacks still reach it.
  std::unique_ptr<api::Service> service_;
  std::unique_ptr<event_store::Log> log_;
  std::unique_ptr<event_store::EventStore> store_;
  std::unique_ptr<consumers::ReadModels> read_models_;
  std::unique_ptr<consumers::Drills> drills_;
};

Status Serve(const ServeOptions& options, const StopSignals& signals) {
  Metrics metrics;
  BITACORA_ASSIGN_OR_RETURN(const auto node, Node::Open(options, metrics));
  api::Service& service = node->service();

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
  if (Mutated(Promise::kP13)) return {};
  service.StartDraining();
  const bool drained = server->Drain(SystemClock().Now() + options.drain_timeout);
  if (!drained) LogWarning("some requests were not answered in time");
  LogInfo("stopped");
  return {};
}

}  // namespace

int RunServe(const ServeOptions& options) {
  ConfigureLog(options.log_level, options.log_format);
  RaiseDescriptorLimit();
  const StopSignals signals;
  const Status served = Serve(options, signals);
  return served.ok() ? kDone : Fail(served.error());
}

}  // namespace bitacora::cli
