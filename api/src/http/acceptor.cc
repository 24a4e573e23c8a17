#include "src/http/acceptor.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <bitacora/base/log.h>

namespace bitacora::api::http {
namespace {

// Connections beyond the limit that may be told so at the same time; more are closed at once.
constexpr std::size_t kRefusedAtOnceMax = 64;

Error FromErrno(int number, const std::string& where) {
  const std::string message = where + ": " + std::strerror(number);
  switch (number) {
    case EADDRINUSE:
      return {ErrorCode::kAlreadyExists, message, "address-in-use"};
    case EACCES:
    case EPERM:
      return {ErrorCode::kPermissionDenied, message};
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return {ErrorCode::kInvalidArgument, message};
    default:
      return {ErrorCode::kUnavailable, message};
  }
}

// A listening socket on `address`, or -1 with errno.
int Listen(const addrinfo& address) {
  const int fd = socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        address.ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it. Answers leave in one piece, so there is nothing to wait for.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  const int failure = errno;
  close(fd);
  errno = failure;
  return -1;
}

}  // namespace

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

Result<std::unique_ptr<Acceptor>> Acceptor::Open(const std::string& host, std::uint16_t port,
                                                 ServerState& server) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  const std::string where = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int failure = getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found);
      failure != 0) {
    return Error(ErrorCode::kInvalidArgument, where + ": " + gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  int fd = -1;
  for (const addrinfo* address = found; address != nullptr && fd < 0; address = address->ai_next) {
    fd = Listen(*address);
  }
  if (fd < 0) return FromErrno(errno, where);
  return std::unique_ptr<Acceptor>(new Acceptor(fd, server));
}

Acceptor::~Acceptor() { close(fd_); }

std::uint16_t Acceptor::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

bool Acceptor::AcceptSome(std::size_t most) {
  for (; most > 0; --most) {
    Accepted accepted;
    socklen_t size = sizeof accepted.address;
    accepted.fd = accept4(fd_, reinterpret_cast<sockaddr*>(&accepted.address), &size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted.fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return false;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      continue;  // that client has gone already
    }
    const std::size_t open = server_.connections.load();
    if (open >= server_.limits.connections_max + kRefusedAtOnceMax) {
      server_.metrics.Failed("too-many-connections");
      close(accepted.fd);
      continue;
    }
    accepted.refused = open >= server_.limits.connections_max;
    server_.Connected();
    workers_[turn_++ % workers_.size()]->Post(accepted);
  }
  return true;
}

}  // namespace bitacora::api::http
