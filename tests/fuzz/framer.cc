// Any bytes of a connection: what is made of them does not depend on how they come, and every
// request that comes out is one that nobody else would read differently.
//
// The first byte is where they are split, the second how: at that place only, or in pieces of it.
#include "src/http/framer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"

namespace bitacora::api::http {
namespace {

HttpLimits SmallLimits() {
  HttpLimits limits;
  limits.uri_bytes_max = 64;
  limits.header_bytes_max = 256;
  limits.header_fields_max = 8;
  limits.body_bytes_max = 128;
  return limits;
}

bool IsControl(char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; }

void CheckField(const HttpField& field) {
  BITACORA_CHECK(!field.name.empty(), "a field without a name");
  for (const char c : field.name) {
    BITACORA_CHECK(c > 0x20 && c < 0x7F && c != ':' && (c < 'A' || c > 'Z'), field.name);
  }
  BITACORA_CHECK(std::none_of(field.value.begin(), field.value.end(), IsControl), field.value);
}

void CheckRequest(const FramedRequest& framed, const HttpLimits& limits) {
  const HttpRequest& request = framed.request;
  BITACORA_CHECK(!request.method.empty(), "no method");
  BITACORA_CHECK(request.path.starts_with('/') || request.path == "*", request.path);
  BITACORA_CHECK(request.path.size() + request.query.size() <= limits.uri_bytes_max, request.path);
  for (const std::string& text : {request.method, request.path, request.query}) {
    for (const char c : text) BITACORA_CHECK(c > 0x20 && c < 0x7F, text);
  }
  BITACORA_CHECK(request.body.size() <= limits.body_bytes_max, "a body beyond its limit");
  BITACORA_CHECK(request.fields.size() <= limits.header_fields_max, "more fields than allowed");
  BITACORA_CHECK(request.Count("host") <= 1, "several hosts");
  BITACORA_CHECK(framed.http_1_0 || request.Count("host") == 1, "no host");
  const int lengths = request.Count("content-length");
  const int codings = request.Count("transfer-encoding");
  BITACORA_CHECK(lengths + codings <= 1, "more than one length");
  BITACORA_CHECK(lengths == 0 || std::to_string(request.body.size()) ==
                                     request.Find("content-length")
                                         ->substr(std::min(
                                             request.Find("content-length")->find_first_not_of('0'),
                                             request.Find("content-length")->size() - 1)),
                 "a body of another length");
  for (const HttpField& field : request.fields) CheckField(field);
}

/// Everything that comes out, as text.
std::string Frame(const std::vector<std::string>& pieces) {
  static const HttpLimits limits = SmallLimits();
  Framer framer(limits);
  std::string out;
  for (const std::string& piece : pieces) {
    std::string_view input(piece);
    for (bool more = true; more;) {
      switch (framer.Next(&input)) {
        case Framer::Progress::kMore:
          BITACORA_CHECK(input.empty(), "more, but not all was read");
          more = false;
          break;
        case Framer::Progress::kContinue:
          out.append("continue\n");
          break;
        case Framer::Progress::kRequest: {
          const FramedRequest framed = framer.Take();
          CheckRequest(framed, limits);
          const HttpRequest& request = framed.request;
          out.append(request.method + " " + request.path + "?" + request.query);
          out.append(framed.keep_alive ? " kept\n" : " closed\n");
          for (const HttpField& field : request.fields) {
            out.append(field.name + ":" + field.value + "\n");
          }
          out.append(request.body).append("\n");
          break;
        }
        case Framer::Progress::kError:
          out.append("error ").append(framer.error().detail);
          BITACORA_CHECK(framer.error().status >= 400, "an error without a status");
          return out;
      }
    }
  }
  return out;
}

}  // namespace
}  // namespace bitacora::api::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using bitacora::api::http::Frame;
  bitacora::fuzz::Input input(bytes, size);
  const std::size_t split = input.Byte() + 1;
  const bool in_pieces = input.Byte() % 2 == 1;
  const std::string text = input.Rest();
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = pieces.empty() || in_pieces ? split : text.size();
    pieces.push_back(text.substr(at, length));
    at += pieces.back().size();
  }
  const std::string whole = Frame({text});
  const std::string split_up = Frame(pieces);
  BITACORA_CHECK(whole == split_up, whole + "\n-- but split up --\n" + split_up);
  return 0;
}
