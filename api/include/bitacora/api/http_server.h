// The HTTP/1.1 server: Pistache's reactor and peers behind a strict framer and a transport of our
// own (docs/adr/0004).
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
/// Time-outs come up to a sixteenth of the shortest of them late, and at most 250 ms.
struct HttpLimits {
  std::size_t body_bytes_max = 8u << 20;     ///< 413, before the body is read; then closed
  std::size_t header_bytes_max = 16u << 10;  ///< 431; request line not included
  std::size_t header_fields_max = 64;        ///< 431
  std::size_t uri_bytes_max = 8u << 10;      ///< 414
  std::size_t connections_max = 10'000;      ///< 503 and close; at most half the descriptors
  /// While more than this waits to be sent on a connection, no further request of it is begun. Held
  /// answers can exceed it: those to the requests begun before, each as large as handlers make it.
  std::size_t output_bytes_max = 1u << 20;
  /// Bodies on their way in and answers on their way out, of all connections together. While there
  /// is more, requests and answers above 64 KiB are refused: 503.
  std::size_t buffered_bytes_max = 512u << 20;
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

/// Thread-safe. Destroying it stops its workers at once and closes every connection; Drain first.
/// A Responder may outlive it: its answer is then dropped.
///
/// What it does by itself: framing and its errors, limits and time-outs, keep-alive of both
/// versions, `Expect: 100-continue`, bodies of HEAD, 204 and 304, and a close that lets the client
/// read the last answer. A client that shuts its side after its requests is still answered. After
/// an error it did not hand to the handler, nothing more is read from that connection.
///
/// Metrics: bitacora_http_connections, _connections_total, _requests_total{method,status},
/// _received_bytes_total, _sent_bytes_total, _errors_total{reason}.
class HttpServer {
 public:
  /// Called on a worker thread for each request that is well-formed; must not block. Requests of
  /// one connection may overlap; their answers go out in the order the requests came. Behind an
  /// answer with `close` none goes out, also not to requests that were begun.
  ///
  /// An answer is cheapest from within this call. From other threads answers are collected: one
  /// wake-up serves all that come while the worker is busy.
  ///
  /// An exception that leaves it is logged, and answered 500 unless the responder was moved on.
  using Handler = std::function<void(HttpRequest request, Responder responder)>;

  /// Makes the answer for a request that never reached the handler (a framing error, a limit, a
  /// time-out), with which the connection closes, and for one that was abandoned or whose answer
  /// cannot be sent. `reason` is one of malformed-request, uri-too-long, header-too-large,
  /// body-too-large, method-not-implemented, coding-not-implemented, version-not-supported,
  /// expectation-failed, request-timeout, too-many-connections, overloaded, internal-error;
  /// `detail` is a sentence without bytes of the client's. Called on a worker thread.
  using ErrorPage =
      std::function<HttpResponse(int status, std::string_view reason, std::string_view detail)>;

  /// Binds and starts to accept. kAlreadyExists: the port is in use. kInvalidArgument: no such
  /// address. kPermissionDenied: not allowed to bind there. kUnavailable: no descriptors or
  /// threads.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   Metrics& metrics, Handler handler,
                                                   ErrorPage error_page);
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  /// Connections open now.
  virtual std::size_t connections() const = 0;
  /// Requests handed to the handler and not answered in full yet.
  virtual std::size_t requests_in_flight() const = 0;

  /// Stops accepting, closes idle connections, says `Connection: close` with the last answer of
  /// each other, and waits until all connections are closed, or `deadline`. True if no request that
  /// has come was left unanswered. A client that does not close its side may take two seconds of
  /// it.
  virtual bool Drain(std::chrono::steady_clock::time_point deadline) = 0;

  /// As they are in force: connections_max may be less than was asked for.
  virtual const HttpLimits& limits() const = 0;
};

}  // namespace bitacora::api
