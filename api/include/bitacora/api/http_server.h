// The HTTP/1.1 server: Pistache's listener, reactor and request parser behind a strict framer and a
// transport of our own (docs/adr/0004).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <bitacora/api/http.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>

namespace bitacora::api {

/// Limits of one server, each readable at GET /v1/limits. A client over one gets the status named.
struct HttpLimits {
  std::size_t body_bytes_max = 8u << 20;            ///< 413
  std::size_t header_bytes_max = 16u << 10;         ///< 431; request line not included
  std::size_t header_fields_max = 64;               ///< 431
  std::size_t uri_bytes_max = 8u << 10;             ///< 414
  std::size_t connections_max = 10'000;             ///< 503 and close; at most half the descriptors
  std::size_t output_bytes_max = 1u << 20;          ///< Unsent bytes beyond the answer in progress.
  std::size_t pipelined_requests_max = 64;          ///< Beyond it, reading pauses.
  std::chrono::milliseconds header_timeout{5'000};  ///< First byte to end of header block: 408
  std::chrono::milliseconds body_timeout{30'000};   ///< End of header block to end of body: 408
  std::chrono::milliseconds idle_timeout{75'000};   ///< Between requests: closed without a word
  std::chrono::milliseconds write_timeout{10'000};  ///< Without progress of a write: cut
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< An address or a name; "[::1]" for IPv6.
  std::uint16_t port = 0;          ///< 0 takes a free one.
  std::size_t workers = 1;
  HttpLimits limits;
};

/// Thread-safe. Destroying it stops it.
class HttpServer {
 public:
  /// Called on a worker thread for each request that is well-formed; must not block. Requests of
  /// one connection may overlap; their answers go out in the order the requests came.
  /// An exception that leaves it is answered 500 and logged.
  using Handler = std::function<void(HttpRequest request, Responder responder)>;

  /// Makes the answer for a request that never reached the handler (a framing error, a limit, a
  /// time-out); the server adds `Connection: close`. `reason` is a constant name such as
  /// "malformed-request"; `detail` a sentence without bytes of the client's.
  using ErrorPage =
      std::function<HttpResponse(int status, std::string_view reason, std::string_view detail)>;

  /// Binds and starts to accept. kAlreadyExists: the port is in use. kInvalidArgument: no such
  /// address. kPermissionDenied: not allowed to bind there.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   Metrics& metrics, Handler handler,
                                                   ErrorPage error_page);
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  /// Connections open now.
  virtual std::size_t connections() const = 0;
  /// Requests handed to the handler and not answered in full yet.
  virtual std::size_t requests_in_flight() const = 0;

  /// Stops accepting, closes idle connections, adds `Connection: close` to every further answer,
  /// and waits until all requests are answered and sent, or `deadline`. True if all were.
  virtual bool Drain(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace bitacora::api
