// A TCP client that sends exactly the bytes it is told to.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bitacora::api {

struct RawResponse {
  int status = 0;  ///< 0: the connection ended, or nothing came in time.
  std::string head;
  std::string body;
};

/// Every wait ends after ten seconds, with a failure of the test where that is not expected.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // what is split stays split
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { Close(); }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  RawClient& operator=(RawClient&&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  /// False where the server has closed the connection.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next response; with a body as Content-Length says, without one to a HEAD request.
  RawResponse Receive(bool to_head = false) {
    RawResponse response;
    std::size_t end;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReceiveSome()) return response;
    }
    response.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    std::size_t length = 0;
    if (const std::size_t at = response.head.find("Content-Length: "); at != std::string::npos) {
      length = std::strtoull(response.head.c_str() + at + 16, nullptr, 10);
    }
    if (to_head) length = 0;
    while (received_.size() < length) {
      if (!ReceiveSome()) return response;
    }
    response.body = received_.substr(0, length);
    received_.erase(0, length);
    response.status = std::atoi(response.head.c_str() + 9);
    return response;
  }

  RawResponse Exchange(std::string_view request) {
    EXPECT_TRUE(Send(request));
    return Receive();
  }

  /// All that comes until the server closes. `*reset` says whether that was a reset.
  std::string ReceiveAll(bool* reset = nullptr) {
    while (ReceiveSome()) {
    }
    EXPECT_TRUE(ended_) << "the server has not closed the connection";
    if (reset != nullptr) *reset = reset_;
    return std::exchange(received_, std::string());
  }

  /// Whether bytes, or the end, are there to be read.
  bool IsReadable(std::chrono::milliseconds wait) const {
    pollfd state{fd_, POLLIN, 0};
    return poll(&state, 1, static_cast<int>(wait.count())) == 1;
  }

  void ShutdownWrite() { shutdown(fd_, SHUT_WR); }
  void Reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Close();
  }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  bool ReceiveSome() {
    if (!IsReadable(std::chrono::seconds(10))) return false;
    char buffer[64 << 10];
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) {
      received_.append(buffer, static_cast<std::size_t>(got));
      return true;
    }
    ended_ = true;
    reset_ = got < 0;
    return false;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
  std::string received_;
};

}  // namespace bitacora::api
