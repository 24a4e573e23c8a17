#include "src/http/framer.h"

#include <algorithm>
#include <utility>

#include <bitacora/base/mutation.h>

#include "src/http/grammar.h"

namespace bitacora::api::http {
namespace {

constexpr std::size_t kMethodBytesMax = 32;
// Method, two blanks and the version, in a request line whose target may be as long as it may be.
constexpr std::size_t kRequestLineBytesMore = kMethodBytesMax + 2 + 8;
constexpr std::size_t kChunkDigitsMax = 16;
constexpr std::size_t kChunkLineBytesMax = kChunkDigitsMax + 256;
// Longer bodies grow as they come, so that announcing one costs nothing.
constexpr std::size_t kBodyBytesReserved = 64u << 10;
// A line buffer that grew beyond this is given back between requests.
constexpr std::size_t kLineBytesKept = 1u << 10;

constexpr FramingError Malformed(std::string_view detail) {
  return {400, "malformed-request", detail};
}

constexpr FramingError kUriTooLong{414, "uri-too-long",
                                   "The request target is longer than this server accepts."};
constexpr FramingError kHeaderTooLarge{431, "header-too-large",
                                       "The header block is larger than this server accepts."};
constexpr FramingError kTooManyFields{431, "header-too-large",
                                      "There are more header fields than this server accepts."};
constexpr FramingError kBodyTooLarge{413, "body-too-large",
                                     "The request body is larger than this server accepts."};
constexpr FramingError kMethodTooLong{501, "method-not-implemented",
                                      "No method has a name as long as this one."};
constexpr FramingError kNoTunnels{501, "method-not-implemented",
                                  "This server is no proxy: CONNECT is not implemented."};
constexpr FramingError kOtherVersion{505, "version-not-supported",
                                     "This server speaks HTTP/1.1 and HTTP/1.0."};
constexpr FramingError kOtherCoding{501, "coding-not-implemented",
                                    "The only transfer coding this server implements is chunked."};
constexpr FramingError kOtherExpectation{
    417, "expectation-failed", "The only expectation this server can meet is 100-continue."};

constexpr FramingError kBareLineFeed = Malformed("A line ends in LF without CR.");
constexpr FramingError kBareCarriageReturn = Malformed("A CR is not followed by LF.");
constexpr FramingError kControlCharacter =
    Malformed("There is a control character in the request line or a header field.");

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

bool IsHost(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (const char c : text.substr(1, end - 1)) {
      if (HexValue(c) < 0 && c != ':' && c != '.') return false;
    }
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (!AllAre(text.substr(0, end), kHost)) return false;
  }
  const std::string_view port = text.substr(end);
  return port.empty() || (port.front() == ':' && AllAre(port.substr(1), kDigit));
}

Framer::Stage Framer::stage() const {
  switch (state_) {
    case State::kRequestLine:
      return line_.empty() && !cr_seen_ ? Stage::kBetween : Stage::kHeader;
    case State::kFields:
      return Stage::kHeader;
    case State::kBody:
    case State::kChunkSize:
    case State::kChunk:
    case State::kChunkEnd:
    case State::kTrailers:
    case State::kWhole:
      return Stage::kBody;
    case State::kFailed:
      return Stage::kFailed;
  }
  return Stage::kFailed;
}

Framer::Progress Framer::Next(std::string_view* input) {
  while (true) {
    Progress progress = Progress::kMore;
    switch (state_) {
      case State::kWhole:
        return Progress::kRequest;
      case State::kFailed:
        return Progress::kError;
      case State::kRequestLine:
        progress = ReadRequestLine(input);
        break;
      case State::kFields:
        progress = ReadFields(input);
        break;
      case State::kBody:
        progress = ReadBody(input);
        break;
      case State::kChunkSize:
        progress = ReadChunkSize(input);
        break;
      case State::kChunk:
        progress = ReadChunk(input);
        break;
      case State::kChunkEnd:
        progress = ReadChunkEnd(input);
        break;
      case State::kTrailers:
        progress = ReadTrailers(input);
        break;
    }
    if (progress != Progress::kMore) return progress;
    if (input->empty() && state_ != State::kWhole) return Progress::kMore;
  }
}

FramedRequest Framer::Take() {
  FramedRequest taken = std::move(framed_);
  Reset();
  return taken;
}

void Framer::Reset() {
  state_ = State::kRequestLine;
  if (line_.capacity() > kLineBytesKept) line_ = std::string();
  framed_ = FramedRequest();
  authority_.clear();
  blank_skipped_ = false;
  field_bytes_ = 0;
  trailers_ = 0;
  hosts_ = lengths_ = codings_ = 0;
  close_ = keep_alive_ = expects_continue_ = false;
  body_left_ = 0;
  extension_bytes_ = 0;
}

Framer::Progress Framer::Fail(const FramingError& error) {
  Reset();
  line_.clear();
  error_ = error;
  state_ = State::kFailed;
  return Progress::kError;
}

bool Framer::Refuse(const FramingError& error) {
  Fail(error);
  return false;
}

// Every decision falls at the first byte that allows it, so that the outcome does not depend on
// how the bytes were split. A view of the input is given out where the whole line is in it.
Framer::Line Framer::ReadLine(std::string_view* input, std::size_t bytes_max,
                              const FramingError& too_long, std::string_view* line) {
  if (input->empty()) return Line::kPartial;
  if (!cr_seen_) {
    const std::size_t length = LineLength(*input);
    if (line_.size() + length > bytes_max) {
      Fail(too_long);
      return Line::kFailed;
    }
    if (length + 1 < input->size() && (*input)[length] == '\r' && (*input)[length + 1] == '\n') {
      *line = input->substr(0, length);
      if (!line_.empty()) *line = line_.append(*line);
      input->remove_prefix(length + 2);
      return Line::kWhole;
    }
    line_.append(input->substr(0, length));
    input->remove_prefix(length);
    if (input->empty()) return Line::kPartial;
    if (input->front() != '\r') {
      Fail(input->front() == '\n' ? kBareLineFeed : kControlCharacter);
      return Line::kFailed;
    }
    cr_seen_ = true;
    input->remove_prefix(1);
    if (input->empty()) return Line::kPartial;
  }
  cr_seen_ = false;
  if (input->front() != '\n') {
    Fail(kBareCarriageReturn);
    return Line::kFailed;
  }
  input->remove_prefix(1);
  *line = line_;
  return Line::kWhole;
}

Framer::Progress Framer::ReadRequestLine(std::string_view* input) {
  std::string_view line;
  switch (ReadLine(input, limits_.uri_bytes_max + kRequestLineBytesMore, kUriTooLong, &line)) {
    case Line::kPartial:
      return Progress::kMore;
    case Line::kFailed:
      return Progress::kError;
    case Line::kWhole:
      break;
  }
  if (line.empty() && !blank_skipped_) {
    blank_skipped_ = true;
    return Progress::kMore;
  }
  if (!ParseRequestLine(line)) return Progress::kError;
  line_.clear();
  state_ = State::kFields;
  return Progress::kMore;
}

bool Framer::ParseRequestLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (!IsToken(method)) return Refuse(Malformed("The request does not begin with a method."));
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) {
    return Refuse(Malformed("The request line is not: method, target, version."));
  }
  if (!ParseVersion(line.substr(second + 1))) return false;
  if (method.size() > kMethodBytesMax) return Refuse(kMethodTooLong);
  if (method == "CONNECT") return Refuse(kNoTunnels);
  framed_.request.method.assign(method);
  return ParseTarget(line.substr(first + 1, second - first - 1));
}

bool Framer::ParseVersion(std::string_view version) {
  if (version.size() != 8 || !version.starts_with("HTTP/") || !Is(version[5], kDigit) ||
      version[6] != '.' || !Is(version[7], kDigit)) {
    return Refuse(Malformed("The request line does not end in an HTTP version."));
  }
  framed_.http_1_0 = version == "HTTP/1.0";
  return framed_.http_1_0 || version == "HTTP/1.1" || Refuse(kOtherVersion);
}

bool Framer::ParseTarget(std::string_view target) {
  if (target.size() > limits_.uri_bytes_max) return Refuse(kUriTooLong);
  if (target == "*") {
    if (framed_.request.method != "OPTIONS") {
      return Refuse(Malformed("The target * goes with OPTIONS only."));
    }
    framed_.request.path = "*";
    return true;
  }
  if (target.starts_with('/')) {
    if (!AllAre(target, kTarget)) {
      return Refuse(Malformed("The target has a character that must be percent-encoded."));
    }
    SplitTarget(target);
    return true;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) {
      return ParseAbsoluteTarget(target.substr(scheme.size()));
    }
  }
  return Refuse(Malformed("The target is neither a path nor an http URI."));
}

bool Framer::ParseAbsoluteTarget(std::string_view rest) {
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  const std::string_view target = rest.substr(end);
  if (authority.empty() || authority.front() == ':' || !IsHost(authority)) {
    return Refuse(Malformed("The target's authority is not a host and a port."));
  }
  if (!AllAre(target, kTarget)) {
    return Refuse(Malformed("The target has a character that must be percent-encoded."));
  }
  authority_.assign(authority);
  if (target.empty() && framed_.request.method == "OPTIONS") {
    framed_.request.path = "*";  // RFC 9112, 3.2.4
  } else {
    SplitTarget(target);
  }
  return true;
}

void Framer::SplitTarget(std::string_view target) {
  const std::size_t mark = target.find('?');
  framed_.request.path.assign(target.substr(0, mark));
  if (framed_.request.path.empty()) framed_.request.path = "/";
  if (mark != std::string_view::npos) framed_.request.query.assign(target.substr(mark + 1));
}

// A line of a header block or of trailers, within what the block may still hold.
Framer::Line Framer::ReadFieldLine(std::string_view* input, std::string_view* line) {
  const std::size_t left = limits_.header_bytes_max - field_bytes_;
  const Line read = ReadLine(input, left < 2 ? 0 : left - 2, kHeaderTooLarge, line);
  if (read == Line::kWhole && !line->empty()) field_bytes_ += line->size() + 2;
  return read;
}

Framer::Progress Framer::ReadFields(std::string_view* input) {
  while (true) {
    std::string_view line;
    switch (ReadFieldLine(input, &line)) {
      case Line::kPartial:
        return Progress::kMore;
      case Line::kFailed:
        return Progress::kError;
      case Line::kWhole:
        break;
    }
    if (line.empty()) break;
    auto& fields = framed_.request.fields;
    if (fields.size() == limits_.header_fields_max) return Fail(kTooManyFields);
    if (fields.empty()) fields.reserve(std::min<std::size_t>(8, limits_.header_fields_max));
    if (!ParseField(line, &fields.emplace_back())) return Progress::kError;
    line_.clear();
  }
  return InterpretFields() ? BeginBody() : Progress::kError;
}

bool Framer::ParseField(std::string_view line, HttpField* field) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Refuse(Malformed("A header line begins with white space; folding is obsolete."));
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refuse(Malformed("A header line has no colon."));
  const std::string_view name = line.substr(0, colon);
  if (name.ends_with(' ') || name.ends_with('\t')) {
    return Refuse(Malformed("There is white space between a field's name and its colon."));
  }
  if (!IsToken(name)) return Refuse(Malformed("A header field has no proper name."));
  field->name.resize(name.size());
  std::transform(name.begin(), name.end(), field->name.begin(), Lower);
  field->value.assign(TrimBlanks(line.substr(colon + 1)));
  return true;
}

// Checked together, as the meaning of one field depends on others.
bool Framer::InterpretFields() {
  for (const HttpField& field : framed_.request.fields) {
    if (!InterpretField(field)) return false;
  }
  if (hosts_ == 0 && !framed_.http_1_0) return Refuse(Malformed("There is no Host field."));
  if (codings_ > 0 && lengths_ > 0) {
    return Refuse(Malformed("There are both Content-Length and Transfer-Encoding."));
  }
  if (codings_ > 0 && framed_.http_1_0) {
    return Refuse(Malformed("HTTP/1.0 has no Transfer-Encoding."));
  }
  if (body_left_ > limits_.body_bytes_max) return Refuse(kBodyTooLarge);
  framed_.keep_alive = !close_ && (!framed_.http_1_0 || keep_alive_);
  if (!authority_.empty()) {
    for (HttpField& field : framed_.request.fields) {
      if (field.name == "host") field.value = authority_;
    }
  }
  return true;
}

bool Framer::InterpretField(const HttpField& field) {
  switch (field.name.size()) {
    case 4:
      if (field.name != "host") return true;
      if (++hosts_ > 1) return Refuse(Malformed("There is more than one Host field."));
      return IsHost(field.value) || Refuse(Malformed("Host is not a host and a port."));
    case 6:
      if (field.name != "expect" || framed_.http_1_0) return true;
      if (!EqualsIgnoringCase(field.value, "100-continue")) return Refuse(kOtherExpectation);
      expects_continue_ = true;
      return true;
    case 10:
      if (field.name != "connection") return true;
      close_ = close_ || ListHas(field.value, "close");
      keep_alive_ = keep_alive_ || ListHas(field.value, "keep-alive");
      return true;
    case 14:
      return field.name != "content-length" || InterpretLength(field.value);
    case 17:
      if (field.name != "transfer-encoding") return true;
      if (++codings_ > 1) return Refuse(Malformed("There is more than one Transfer-Encoding."));
      return EqualsIgnoringCase(field.value, "chunked") || Refuse(kOtherCoding);
    default:
      return true;
  }
}

bool Framer::InterpretLength(std::string_view value) {
  if (++lengths_ > 1 && !Mutated(Promise::kP15)) {
    return Refuse(Malformed("There is more than one Content-Length."));
  }
  if (value.empty() || !AllAre(value, kDigit)) {
    return Refuse(Malformed("Content-Length is not a decimal number."));
  }
  for (const char digit : value) {
    // Beyond the limit the exact number does not matter, and it must not wrap around.
    if (body_left_ <= limits_.body_bytes_max) {
      body_left_ = body_left_ * 10 + static_cast<std::uint64_t>(digit - '0');
    }
  }
  return true;
}

Framer::Progress Framer::BeginBody() {
  if (codings_ > 0) {
    state_ = State::kChunkSize;
  } else {
    state_ = body_left_ > 0 ? State::kBody : State::kWhole;
    framed_.request.body.reserve(std::min<std::size_t>(body_left_, kBodyBytesReserved));
  }
  const bool waits = expects_continue_ && state_ != State::kWhole;
  return waits ? Progress::kContinue : Progress::kMore;
}

Framer::Progress Framer::ReadBody(std::string_view* input) {
  const std::size_t taken = std::min<std::uint64_t>(body_left_, input->size());
  framed_.request.body.append(input->substr(0, taken));
  input->remove_prefix(taken);
  body_left_ -= taken;
  if (body_left_ == 0) state_ = State::kWhole;
  return Progress::kMore;
}

Framer::Progress Framer::ReadChunkSize(std::string_view* input) {
  static constexpr FramingError kTooLong = Malformed("A chunk's first line is too long.");
  std::string_view line;
  switch (ReadLine(input, kChunkLineBytesMax, kTooLong, &line)) {
    case Line::kPartial:
      return Progress::kMore;
    case Line::kFailed:
      return Progress::kError;
    case Line::kWhole:
      break;
  }
  if (!ParseChunkSize(line)) return Progress::kError;
  line_.clear();
  if (body_left_ > limits_.body_bytes_max - framed_.request.body.size()) {
    return Fail(kBodyTooLarge);
  }
  field_bytes_ = 0;  // trailers have a budget of their own
  state_ = body_left_ > 0 ? State::kChunk : State::kTrailers;
  return Progress::kMore;
}

bool Framer::ParseChunkSize(std::string_view line) {
  std::size_t digits = 0;
  body_left_ = 0;
  for (; digits < line.size() && HexValue(line[digits]) >= 0; ++digits) {
    if (digits == kChunkDigitsMax) return Refuse(Malformed("A chunk's size has too many digits."));
    body_left_ = body_left_ * 16 + static_cast<std::uint64_t>(HexValue(line[digits]));
  }
  if (digits == 0) return Refuse(Malformed("A chunk does not begin with its size in hex."));
  const std::string_view extension = line.substr(digits);
  if (!extension.empty() && !TrimBlanks(extension).starts_with(';')) {
    return Refuse(Malformed("A chunk's size is followed by something other than an extension."));
  }
  extension_bytes_ += extension.size();
  if (extension_bytes_ > limits_.header_bytes_max) {
    return Refuse(Malformed("There are too many chunk extensions."));
  }
  return true;
}

Framer::Progress Framer::ReadChunk(std::string_view* input) {
  ReadBody(input);
  if (body_left_ == 0) state_ = State::kChunkEnd;
  return Progress::kMore;
}

Framer::Progress Framer::ReadChunkEnd(std::string_view* input) {
  static constexpr FramingError kLonger = Malformed("A chunk is longer than its size.");
  std::string_view line;
  switch (ReadLine(input, 0, kLonger, &line)) {
    case Line::kPartial:
      return Progress::kMore;
    case Line::kFailed:
      return Progress::kError;
    case Line::kWhole:
      break;
  }
  state_ = State::kChunkSize;
  return Progress::kMore;
}

Framer::Progress Framer::ReadTrailers(std::string_view* input) {
  std::string_view line;
  switch (ReadFieldLine(input, &line)) {
    case Line::kPartial:
      return Progress::kMore;
    case Line::kFailed:
      return Progress::kError;
    case Line::kWhole:
      break;
  }
  if (line.empty()) {
    state_ = State::kWhole;
    return Progress::kMore;
  }
  if (++trailers_ > limits_.header_fields_max) return Fail(kTooManyFields);
  HttpField dropped;
  if (!ParseField(line, &dropped)) return Progress::kError;
  line_.clear();
  return Progress::kMore;
}

}  // namespace bitacora::api::http
