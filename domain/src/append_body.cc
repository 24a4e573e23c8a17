// The body of an append request, in each of its media types.
#include <algorithm>
#include <optional>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/event_codec.h>

#include "src/attributes.h"
#include "src/event_json.h"
#include "src/json_scanner.h"

namespace bitacora {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kFieldPrefix = "ce-";

Error UnsupportedMediaType(std::string_view sentence) {
  return Error(ErrorCode::kInvalidArgument, std::string(sentence), "unsupported-media-type");
}

Error AtEvent(std::size_t index, const Error& error) {
  return Error(error.code(), "event " + std::to_string(index) + ": " + error.message(),
               "malformed-event");
}

Error TooManyEvents() {
  return Error(ErrorCode::kResourceExhausted,
               "more than " + std::to_string(kAppendEventsMax) + " events in one request",
               "too-many-events");
}

/// What of a request's header says how its body is to be read.
struct Head {
  std::optional<std::string_view> content_type;
  bool content_type_doubled = false;
  bool has_specversion = false;
  bool has_attributes = false;  ///< Any `ce-` field.
};

Head ReadHead(const Fields& fields) {
  Head head;
  for (const auto& [name, value] : fields) {
    if (name == "content-type") {
      head.content_type_doubled |= head.content_type.has_value();
      head.content_type = value;
    } else if (name.starts_with(kFieldPrefix)) {
      head.has_attributes = true;
      head.has_specversion |= name == "ce-specversion";
    }
  }
  return head;
}

/// Whether the parameters of a JSON media type leave it UTF-8.
bool IsUtf8Charset(std::string_view content_type) {
  std::string lower(content_type);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr std::string_view kParameter = "charset=";
  const std::size_t at = lower.find(kParameter);
  if (at == std::string::npos) return true;
  std::string_view charset = std::string_view(lower).substr(at + kParameter.size());
  charset = charset.substr(0, charset.find_first_of("; \t"));
  return charset == "utf-8" || charset == "\"utf-8\"" || charset == "us-ascii";
}

// ---- Binary mode: attributes in the header

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The inside of a quoted string of RFC 9110, as older senders of CloudEvents write it; other text
/// as it is. Nothing where the quotes do not close.
std::optional<std::string> Unquote(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  std::string inside;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1 == text.size() ? std::optional(inside) : std::nullopt;
    if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
    inside.push_back(text[i]);
  }
  return std::nullopt;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

/// An attribute's value, as the CloudEvents HTTP binding 1.0.2 (3.1.3.2) has it in a field.
Status SetFromField(std::string_view name, std::string_view value, AttributeCollector* attributes) {
  if (name == "datacontenttype") return AttributeError(name, "is the Content-Type in binary mode");
  const auto unquoted = Unquote(value);
  const auto text = unquoted ? PercentDecode(*unquoted) : std::nullopt;
  if (!text) return AttributeError(name, "badly quoted or percent-encoded");
  return attributes->Set(name, ExtensionValue::Type::kString, *text);
}

Status ReadBinary(const Fields& fields, std::string_view body, Event* event) {
  AttributeCollector attributes(AttributeRules::kClient, event);
  for (const auto& [name, value] : fields) {
    if (name == "content-type") {
      BITACORA_RETURN_IF_ERROR(
          attributes.Set("datacontenttype", ExtensionValue::Type::kString, value));
    } else if (name.starts_with(kFieldPrefix)) {
      BITACORA_RETURN_IF_ERROR(SetFromField(name.substr(kFieldPrefix.size()), value, &attributes));
    }
  }
  BITACORA_RETURN_IF_ERROR(attributes.FinishCloudEvent());
  return TakeDataBytes(body, event);
}

// ---- JSON

/// Reads `body` as one event, or as an array of them, each by `read(json, event)`.
template <typename Read>
Result<AppendBody> ReadEvents(std::string_view body, bool array, Read read) {
  AppendBody append;
  JsonScanner json(body);
  const auto read_one = [&]() -> Status {
    const std::size_t index = append.events.size();
    const Status status = read(&json, &append.events.emplace_back());
    return status.ok() ? status : Status(AtEvent(index, status.error()));
  };
  if (!array) {
    BITACORA_RETURN_IF_ERROR(read_one());
  } else {
    json.Open('[');
    while (json.NextElement()) {
      if (append.events.size() == kAppendEventsMax) return TooManyEvents();
      BITACORA_RETURN_IF_ERROR(read_one());
    }
  }
  if (!json.End()) {
    return Error(ErrorCode::kInvalidArgument, json.error().message(), "malformed-event");
  }
  if (append.events.empty()) {
    return Error(ErrorCode::kInvalidArgument, "no events", "malformed-event");
  }
  return append;
}

Status ReadSubmitted(JsonScanner* json, SubmittedEvent* submitted) {
  return ReadCloudEvent(json, AttributeRules::kClient, &submitted->event);
}

Status ReadOfBulk(JsonScanner* json, SubmittedEvent* submitted) {
  BITACORA_RETURN_IF_ERROR(
      ReadCloudEvent(json, AttributeRules::kClient, &submitted->event, submitted));
  if (submitted->stream.empty()) return AttributeError("stream", "missing");
  return {};
}

Result<AppendBody> ReadPlain(std::string_view body) {
  const bool array = JsonScanner(body).Peek() == '[';
  return ReadEvents(body, array, [](JsonScanner* json, SubmittedEvent* submitted) {
    return ReadPlainEvent(json, &submitted->event);
  });
}

}  // namespace

Result<AppendBody> ParseAppendBody(const Fields& fields, std::string_view body, bool bulk) {
  const Head head = ReadHead(fields);
  if (head.content_type_doubled) return UnsupportedMediaType("several Content-Type fields");
  const std::string type = head.content_type ? MediaTypeOf(*head.content_type) : std::string();
  const bool json = type == "application/json" || type.starts_with("application/cloudevents");
  if (json && !IsUtf8Charset(*head.content_type)) {
    return UnsupportedMediaType("JSON is taken as UTF-8 only");
  }
  if (type == "application/cloudevents-batch+json") {
    return ReadEvents(body, true, bulk ? ReadOfBulk : ReadSubmitted);
  }
  if (bulk) return UnsupportedMediaType("taken here: application/cloudevents-batch+json");
  if (type == "application/cloudevents+json") return ReadEvents(body, false, ReadSubmitted);
  const bool other_cloudevents = type.starts_with("application/cloudevents");
  const bool binary = head.has_specversion && (head.content_type || body.empty());
  if (binary && !other_cloudevents) {
    AppendBody append;
    const Status status = ReadBinary(fields, body, &append.events.emplace_back().event);
    if (!status.ok()) return AtEvent(0, status.error());
    return append;
  }
  if (type == "application/json") {
    if (head.has_attributes) return AtEvent(0, AttributeError("specversion", "missing"));
    return ReadPlain(body);
  }
  return UnsupportedMediaType(
      "taken here: application/json, application/cloudevents+json, "
      "application/cloudevents-batch+json, or any with ce-specversion and the other ce- fields");
}

}  // namespace bitacora
