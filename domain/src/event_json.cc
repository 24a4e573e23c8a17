#include "src/event_json.h"

#include <optional>

#include <bitacora/base/encoding.h>

namespace bitacora {
namespace {

using Type = ExtensionValue::Type;

template <typename Text>
void SetData(DataKind kind, std::string_view bytes, BasicEvent<Text>* event) {
  event->data_kind = bytes.empty() ? DataKind::kNone : kind;
  event->data = bytes;
}

/// Passes the scalar that comes next and gives it to `set(type, text)`. Null is as if the member
/// was not there, as CloudEvents says, where `null_allowed`.
template <typename Set>
Status ReadScalar(JsonScanner* json, std::string_view name, bool null_allowed, Set set) {
  const char first = json->Peek();
  std::string_view value;
  if (!json->Value(&value)) return json->error();
  switch (first) {
    case '"': {
      const std::string_view raw = value.substr(1, value.size() - 2);
      if (raw.find('\\') == std::string_view::npos) return set(Type::kString, raw);
      std::string text;
      AppendUnescaped(raw, &text);
      return set(Type::kString, std::string_view(text));
    }
    case 't':
    case 'f':
      return set(Type::kBoolean, value);
    case 'n':
      return null_allowed ? Status() : Status(AttributeError(name, "null"));
    case '{':
    case '[':
      return AttributeError(name, "neither a string, nor a boolean, nor an integer");
    default:
      return set(Type::kInteger, value);
  }
}

/// The members `data` and `data_base64` of a CloudEvent, which mean something only once its content
/// type is known.
struct DataMembers {
  std::optional<std::string_view> json;
  std::optional<std::string_view> base64;

  /// The place of member `name`; null where it is no data.
  std::optional<std::string_view>* Find(std::string_view name) {
    if (name == "data") return &json;
    if (name == "data_base64") return &base64;
    return nullptr;
  }
};

Status TakeJsonMember(std::string_view value, Event* event) {
  if (event->data_content_type.empty() || IsJsonContentType(event->data_content_type)) {
    SetData(DataKind::kJson, value, event);
    return {};
  }
  if (value.front() != '"') {
    return AttributeError("data", "not a string although datacontenttype is not JSON");
  }
  std::string bytes;
  AppendUnescaped(value.substr(1, value.size() - 2), &bytes);
  SetData(DataKind::kBinary, bytes, event);
  return {};
}

Status TakeBase64Member(std::string_view value, Event* event) {
  std::string text;
  if (value.front() == '"') AppendUnescaped(value.substr(1, value.size() - 2), &text);
  const auto bytes = value.front() == '"' ? Base64Decode(text) : std::nullopt;
  if (!bytes) return AttributeError("data_base64", "not base64 with padding");
  return TakeDataBytes(*bytes, event);
}

Status TakeData(const DataMembers& members, Event* event) {
  if (members.json && members.base64) return AttributeError("data_base64", "stands beside data");
  if (members.json) return TakeJsonMember(*members.json, event);
  if (members.base64) return TakeBase64Member(*members.base64, event);
  return {};
}

/// Takes `name` where it is one of the two extensions of a bulk append, and says so.
bool IsBulkExtension(std::string_view name, SubmittedEvent* bulk, std::string** field) {
  if (bulk == nullptr) return false;
  if (name == "stream") *field = &bulk->stream;
  if (name == "expectedversion") *field = &bulk->expected_version;
  return *field != nullptr;
}

Status ReadBulkExtension(JsonScanner* json, std::string_view name, std::string* field) {
  return ReadScalar(json, name, true, [&](Type type, std::string_view text) -> Status {
    const bool number_allowed = name == "expectedversion";
    if (type == Type::kBoolean || (type == Type::kInteger && !number_allowed)) {
      return AttributeError(name, "not a string");
    }
    if (!field->empty()) return AttributeError(name, "stands twice");
    // Taken, it would be no condition at all, which is not what the client has asked for.
    if (text.empty()) return AttributeError(name, "empty");
    *field = text;
    return {};
  });
}

Status ReadCloudEventMember(JsonScanner* json, std::string_view name, DataMembers* data,
                            AttributeCollector* attributes, SubmittedEvent* bulk) {
  if (std::optional<std::string_view>* const member = data->Find(name)) {
    if (member->has_value()) return AttributeError(name, "stands twice");
    std::string_view value;
    if (!json->Value(&value)) return json->error();
    *member = value;
    return {};
  }
  std::string* field = nullptr;
  if (IsBulkExtension(name, bulk, &field)) return ReadBulkExtension(json, name, field);
  return ReadScalar(json, name, true, [&](Type type, std::string_view text) {
    return attributes->Set(name, type, text);
  });
}

Status ReadMetadata(JsonScanner* json, AttributeCollector* attributes) {
  std::string_view name;
  json->Open('{');
  while (json->NextMember(&name)) {
    if (IsReservedName(name)) return AttributeError(name, "a reserved name in metadata");
    BITACORA_RETURN_IF_ERROR(ReadScalar(json, name, false, [&](Type type, std::string_view text) {
      return attributes->Set(name, type, text);
    }));
  }
  return json->failed() ? Status(json->error()) : Status();
}

/// The four members of the plain form, each at most once.
class PlainMembers {
 public:
  PlainMembers(JsonScanner* json, Event* event)
      : json_(json), event_(event), attributes_(AttributeRules::kClient, event) {}

  Status Read(std::string_view name) {
    if (name == "type" || name == "id") {
      return ReadScalar(json_, name, false, [&](Type type, std::string_view text) {
        return attributes_.Set(name, type, text);
      });
    }
    if (name == "data") return ReadData();
    if (name != "metadata") return AttributeError(name, "unknown member");
    if (has_metadata_) return AttributeError(name, "stands twice");
    has_metadata_ = true;
    return ReadMetadata(json_, &attributes_);
  }

  Status Finish() {
    BITACORA_RETURN_IF_ERROR(attributes_.FinishPlain());
    if (event_->data_kind == DataKind::kNone) return AttributeError("data", "missing");
    return {};
  }

 private:
  Status ReadData() {
    if (event_->data_kind != DataKind::kNone) return AttributeError("data", "stands twice");
    std::string_view value;
    if (!json_->Value(&value)) return json_->error();
    SetData(DataKind::kJson, value, event_);
    return {};
  }

  JsonScanner* const json_;
  Event* const event_;
  AttributeCollector attributes_;
  bool has_metadata_ = false;
};

template <typename Text>
Status TakeBytes(std::string_view bytes, BasicEvent<Text>* event) {
  const bool json =
      !event->data_content_type.empty() && IsJsonContentType(event->data_content_type);
  if (!json || bytes.empty()) {
    SetData(DataKind::kBinary, bytes, event);
    return {};
  }
  JsonScanner scanner(bytes);
  std::string_view value;
  if (!scanner.Value(&value) || !scanner.End()) {
    return AttributeError("data", scanner.error().message());
  }
  SetData(DataKind::kJson, value, event);
  return {};
}

}  // namespace

Status TakeDataBytes(std::string_view bytes, Event* event) { return TakeBytes(bytes, event); }
Status TakeDataBytes(std::string_view bytes, StoredEvent* event) { return TakeBytes(bytes, event); }

Status ReadCloudEvent(JsonScanner* json, AttributeRules rules, Event* event, SubmittedEvent* bulk) {
  AttributeCollector attributes(rules, event);
  DataMembers data;
  std::string_view name;
  json->Open('{');
  while (json->NextMember(&name)) {
    BITACORA_RETURN_IF_ERROR(ReadCloudEventMember(json, name, &data, &attributes, bulk));
  }
  if (json->failed()) return json->error();
  BITACORA_RETURN_IF_ERROR(attributes.FinishCloudEvent());
  return TakeData(data, event);
}

Status ReadPlainEvent(JsonScanner* json, Event* event) {
  PlainMembers members(json, event);
  std::string_view name;
  json->Open('{');
  while (json->NextMember(&name)) BITACORA_RETURN_IF_ERROR(members.Read(name));
  if (json->failed()) return json->error();
  return members.Finish();
}

}  // namespace bitacora
