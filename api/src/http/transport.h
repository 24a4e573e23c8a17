// Where Pistache ends and the server begins.
#pragma once

#include <memory>

#include <pistache/tcp.h>
#include <pistache/transport.h>

#include "src/http/server_state.h"
#include "src/http/worker.h"

namespace bitacora::api::http {

/// A transport that reads and writes by itself. Of Pistache's own it uses what was measured to
/// hold: the reactor's threads and poller, and the table of peers. Its read loop is not used, as it
/// closes a connection whose client has shut its side before the answer is out, cannot pause, and
/// goes on with a descriptor that was closed meanwhile; nor is its write queue, which knows
/// connections by descriptor only (docs/adr/0004).
///
/// The reactor makes one clone for each of its threads; the first is only a pattern for them.
class Transport final : public Pistache::Tcp::Transport, private Poller {
 public:
  explicit Transport(ServerState& server);

  /// A clone's; the pattern has none.
  Worker& worker() { return *worker_; }
  /// Before the reactor runs.
  void Listen(std::unique_ptr<Acceptor> acceptor);

  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& events) override;
  std::shared_ptr<Pistache::Aio::Handler> clone() const override;

 private:
  bool Adopt(const Accepted& accepted) override;
  void Watch(int fd, bool read, bool write) override;
  void Release(int fd) override;

  void HandToBase(const Pistache::Aio::FdSet::Entry& event);

  ServerState& server_;
  Pistache::Polling::Epoll* poller_ = nullptr;  // the reactor's, which outlives its handlers
  std::unique_ptr<Worker> worker_;
};

}  // namespace bitacora::api::http
