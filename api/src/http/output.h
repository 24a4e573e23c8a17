// What waits to be sent to one client.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bitacora::api::http {

/// Bytes on their way to one socket, in order. Small pieces are put together, so that a row of
/// answers leaves in one call; large ones are taken over, never copied, and freed as they leave.
/// Not thread-safe.
class Output {
 public:
  enum class Sent {
    kAll,     ///< Nothing waits any more.
    kSome,    ///< The socket takes no more for now; go on when it is writable.
    kBroken,  ///< The client has gone.
  };

  void Append(std::string_view bytes);
  void Append(std::string&& bytes);

  /// Sends what the socket takes without blocking; `*sent` says how many bytes that were.
  Sent Flush(int fd, std::size_t* sent);

  bool empty() const { return size_ == 0; }
  /// Unsent bytes.
  std::size_t size() const { return size_; }

 private:
  void Drop(std::size_t bytes);

  std::vector<std::string> pieces_;
  std::size_t front_ = 0;       // the piece being sent
  std::size_t front_sent_ = 0;  // ... and how much of it has gone
  std::size_t size_ = 0;
};

}  // namespace bitacora::api::http
