#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <pistache/reactor.h>
#include <sys/resource.h>

#include <bitacora/api/http_server.h>

#include "src/http/acceptor.h"
#include "src/http/server_state.h"
#include "src/http/transport.h"

namespace bitacora::api {
namespace {

using http::Acceptor;
using http::Mailbox;
using http::ServerState;
using http::Transport;

// At most half the descriptors, so that the logs and stores behind the server have theirs.
HttpLimits WithinDescriptors(HttpLimits limits) {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    limits.connections_max =
        std::min(limits.connections_max, static_cast<std::size_t>(descriptors.rlim_cur) / 2);
  }
  return limits;
}

class PistacheHttpServer final : public HttpServer {
 public:
  PistacheHttpServer(const HttpLimits& limits, Metrics& metrics, Handler handler,
                     ErrorPage error_page)
      : state_(WithinDescriptors(limits), metrics, std::move(handler), std::move(error_page)) {}

  ~PistacheHttpServer() override {
    if (reactor_ == nullptr) return;
    reactor_->shutdown();
    reactor_.reset();  // joins the threads
  }

  Status Listen(const HttpServerOptions& options) {
    BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<Acceptor> acceptor,
                              Acceptor::Open(options.host, options.port, state_));
    port_ = acceptor->port();
    try {
      Run(std::max<std::size_t>(options.workers, 1), std::move(acceptor));
    } catch (const std::exception& error) {
      return Error(ErrorCode::kUnavailable,
                   std::string("the HTTP server cannot start: ") + error.what());
    }
    return Status();
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return state_.connections.load(); }
  std::size_t requests_in_flight() const override { return state_.requests_in_flight.load(); }

  bool Drain(std::chrono::steady_clock::time_point deadline) override {
    state_.draining.store(true);
    for (const auto& transport : transports_) transport->worker().mailbox()->Wake();
    MutexLock lock(state_.mu);
    while (state_.connections.load() > 0 && lock.WaitUntil(state_.emptied, deadline)) {
    }
    return state_.requests_in_flight.load() == 0;
  }

  const HttpLimits& limits() const override { return state_.limits; }

 private:
  void Run(std::size_t workers, std::unique_ptr<Acceptor> acceptor) {
    reactor_ = std::make_shared<Pistache::Aio::Reactor>();
    reactor_->init(Pistache::Aio::AsyncContext(workers, "http"));
    const auto key = reactor_->addHandler(std::make_shared<Transport>(state_));
    std::vector<std::shared_ptr<Mailbox>> mailboxes;
    for (const auto& handler : reactor_->handlers(key)) {
      transports_.push_back(std::static_pointer_cast<Transport>(handler));
      mailboxes.push_back(transports_.back()->worker().mailbox());
    }
    acceptor->DealTo(std::move(mailboxes));
    transports_.front()->Listen(std::move(acceptor));
    reactor_->run();
  }

  ServerState state_;
  std::uint16_t port_ = 0;
  std::vector<std::shared_ptr<Transport>> transports_;  // shared with the reactor
  std::shared_ptr<Pistache::Aio::Reactor> reactor_;     // Pistache asks for a shared one
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      Metrics& metrics, Handler handler,
                                                      ErrorPage error_page) {
  auto server = std::make_unique<PistacheHttpServer>(options.limits, metrics, std::move(handler),
                                                     std::move(error_page));
  BITACORA_RETURN_IF_ERROR(server->Listen(options));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace bitacora::api
