// The listening socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <bitacora/base/status.h>

#include "src/http/mailbox.h"
#include "src/http/server_state.h"

namespace bitacora::api::http {

/// Whether `address` is this machine's own.
bool IsLoopback(const sockaddr_storage& address);

/// Accepts connections and deals them out. Used by one thread once it serves.
///
/// Pistache's Listener is not used: where descriptors run out it spins, it can stop accepting only
/// together with its workers, and its queue to them can lose a wake-up (docs/adr/0004).
class Acceptor {
 public:
  /// Binds and listens; errors as HttpServer::Start has them.
  static Result<std::unique_ptr<Acceptor>> Open(const std::string& host, std::uint16_t port,
                                                ServerState& server);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  int fd() const { return fd_; }
  std::uint16_t port() const;

  /// Who gets the connections, in turn. Before the first AcceptSome.
  void DealTo(std::vector<std::shared_ptr<Mailbox>> workers) { workers_ = std::move(workers); }

  /// Accepts at most `most` of those that wait. False where the process or the system has no
  /// descriptor or no memory left for one; it stays in the kernel's queue then.
  bool AcceptSome(std::size_t most);

 private:
  Acceptor(int fd, ServerState& server) : fd_(fd), server_(server) {}

  const int fd_;
  ServerState& server_;
  std::vector<std::shared_ptr<Mailbox>> workers_;  // shared with the workers
  std::size_t turn_ = 0;
};

}  // namespace bitacora::api::http
