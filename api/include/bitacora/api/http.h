// What HTTP looks like to the rest of `api`: a whole, checked request and one answer to it.
// Pistache stays behind http_server.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitacora::api {

/// A field as it came: the name in lower case, the value without surrounding white space.
struct HttpField {
  std::string name;
  std::string value;
};

/// One complete request. The framer has checked its form (RFC 9112): exactly one Host (HTTP/1.0: at
/// most one), one length, no obs-fold, no control characters in values, body whole and decoded.
struct HttpRequest {
  std::string method;  ///< As sent; methods are case-sensitive.
  std::string path;    ///< Still percent-encoded; begins with '/', or is "*" for OPTIONS.
  std::string query;   ///< Behind the first '?', still encoded; empty where there is none.
  std::vector<HttpField> fields;
  std::string body;
  bool from_loopback = true;

  /// The value of the only field called `name` (lower case), or nullptr. Where a field that may
  /// come once came several times, callers must refuse: see Count.
  const std::string* Find(std::string_view name) const;
  int Count(std::string_view name) const;
};

/// One answer. Date, Content-Length, Transfer-Encoding and Connection are the server's to add; a
/// HEAD request gets the same fields without the body, 204 and 304 get none. An answer with a
/// status outside 200 to 599, one of the server's fields, or a control character in a value is
/// replaced by a 500 and logged: it would forge fields.
struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields;  ///< Names as they shall be sent.
  std::string body;
  bool close = false;  ///< Close the connection behind this answer.
};

/// The right and the duty to answer one request, from any thread, once. Moved along with the work.
/// Destroyed unused, it answers 500. After the client has gone, Send does nothing.
class Responder {
 public:
  /// Where answers go; the connection's side of the server.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// Thread-safe, does not block; this or Abandon is called, once.
    virtual void Deliver(HttpResponse response) = 0;
    /// Nobody will answer. As it comes, delivers a 500 without a body.
    virtual void Abandon();
    /// Whether the client is still there, as far as is known.
    virtual bool Alive() const = 0;
  };

  explicit Responder(std::unique_ptr<Sink> sink);
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  ~Responder();

  void Send(HttpResponse response);
  /// False once the client has gone, as far as is known: long waits may be given up. A client that
  /// has shut its side only is still there.
  bool Alive() const;

 private:
  std::unique_ptr<Sink> sink_;
};

}  // namespace bitacora::api
