// Where requests begin and end in a byte stream: RFC 9112, strictly, without sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bitacora/api/http.h>
#include <bitacora/api/http_server.h>

namespace bitacora::api::http {

/// Why nothing more is read from a connection.
struct FramingError {
  int status = 0;
  std::string_view reason;  ///< A constant name, such as "malformed-request".
  std::string_view detail;  ///< A constant sentence; it never quotes the client.
};

/// A whole request and what its framing says about the connection.
struct FramedRequest {
  HttpRequest request;
  bool keep_alive = true;  ///< The client wants to go on behind the answer.
  bool http_1_0 = false;   ///< Then keeping the connection must be said.
};

/// Cuts the bytes of one connection into requests, each checked in full before anybody sees it.
/// Whatever two servers in a row could read differently is refused, so no request can be smuggled
/// in another's body. What it says depends on the bytes only, never on how they were split; the
/// time it takes is linear in their number, and what it holds is bounded by the limits.
///
/// Choices where RFC 9112 leaves one: an empty line before a request is skipped once; HTTP/1.0 may
/// come without Host; in absolute-form the target's authority replaces Host; any Content-Length
/// that comes twice is refused, also with equal values; chunk extensions are skipped (256 bytes a
/// chunk, in all no more than a header block); trailers are checked like a header block, within
/// the same limits, and dropped; CONNECT is 501. Percent signs are the router's to decode.
///
/// Not thread-safe.
class Framer {
 public:
  enum class Progress {
    kMore,      ///< All input is used up.
    kContinue,  ///< A header block has ended whose sender waits for "100 Continue".
    kRequest,   ///< Take() has a request.
    kError,     ///< error() says why; from now on every call says this and reads nothing.
  };
  enum class Stage {
    kBetween,  ///< Nothing of the next request has come.
    kHeader,
    kBody,
    kFailed,
  };

  /// Uses the four limits of `limits` on URI, header and body. It must outlive the framer.
  explicit Framer(const HttpLimits& limits) : limits_(limits) {}

  /// Reads from the front of `*input`, which it shortens by what it read, until one of the above.
  Progress Next(std::string_view* input);

  /// The request that Next announced; once each.
  FramedRequest Take();

  const FramingError& error() const { return error_; }
  Stage stage() const;
  /// What has come of the body being read.
  std::size_t body_bytes() const { return framed_.request.body.size(); }

 private:
  enum class State {
    kRequestLine,
    kFields,
    kBody,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailers,
    kWhole,
    kFailed,
  };
  enum class Line { kPartial, kWhole, kFailed };

  Progress Fail(const FramingError& error);
  bool Refuse(const FramingError& error);  // Fail, as a false

  Line ReadLine(std::string_view* input, std::size_t bytes_max, const FramingError& too_long,
                std::string_view* line);
  Line ReadFieldLine(std::string_view* input, std::string_view* line);

  Progress ReadRequestLine(std::string_view* input);
  Progress ReadFields(std::string_view* input);
  Progress ReadBody(std::string_view* input);
  Progress ReadChunkSize(std::string_view* input);
  Progress ReadChunk(std::string_view* input);
  Progress ReadChunkEnd(std::string_view* input);
  Progress ReadTrailers(std::string_view* input);

  bool ParseRequestLine(std::string_view line);
  bool ParseVersion(std::string_view version);
  bool ParseTarget(std::string_view target);
  bool ParseAbsoluteTarget(std::string_view rest);
  void SplitTarget(std::string_view target);
  bool ParseField(std::string_view line, HttpField* field);
  bool ParseChunkSize(std::string_view line);

  bool InterpretFields();
  bool InterpretField(const HttpField& field);
  bool InterpretLength(std::string_view value);
  Progress BeginBody();
  void Reset();

  const HttpLimits& limits_;
  State state_ = State::kRequestLine;
  FramingError error_;

  std::string line_;            // the part of a line that came with earlier input
  bool cr_seen_ = false;        // ... and its CR
  bool blank_skipped_ = false;  // the empty line that may come before a request

  // Of the request being read:
  FramedRequest framed_;
  std::string authority_;  // of an absolute-form target
  std::size_t field_bytes_ = 0;
  std::size_t trailers_ = 0;
  int hosts_ = 0;
  int lengths_ = 0;
  int codings_ = 0;
  bool close_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  std::uint64_t body_left_ = 0;  // of the body, or of the chunk being read
  std::size_t extension_bytes_ = 0;
};

}  // namespace bitacora::api::http
