// Events as answers show them.
#include <array>
#include <charconv>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

namespace bitacora {
namespace {

void PutNumber(std::string* out, std::int64_t number) {
  std::array<char, 20> digits;
  const auto [end, failed] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out->append(digits.data(), end);
}

/// `lead` is the comma, the name and the colon: `,"name":`.
void PutText(std::string* out, std::string_view lead, std::string_view text) {
  if (text.empty()) return;
  out->append(lead);
  AppendJsonString(out, text);
}

template <typename Text>
void PutAttributes(std::string* out, const BasicEvent<Text>& event) {
  out->append(R"({"specversion":"1.0")");
  PutText(out, R"(,"id":)", event.id);
  PutText(out, R"(,"source":)", event.source);
  PutText(out, R"(,"type":)", event.type);
  PutText(out, R"(,"subject":)", event.subject);
  PutText(out, R"(,"time":)", event.time);
  const bool untyped_json = event.data_kind == DataKind::kJson && event.data_content_type.empty();
  PutText(out, R"(,"datacontenttype":)",
          untyped_json ? std::string_view("application/json")
                       : std::string_view(event.data_content_type));
  PutText(out, R"(,"dataschema":)", event.data_schema);
  for (const auto& [name, value] : event.extensions) {
    out->append(",\"").append(name).append("\":");
    if (value.type == ExtensionType::kString) {
      AppendJsonString(out, value.text);
    } else {
      out->append(value.text);
    }
  }
}

template <typename Text>
void PutDataAndClose(std::string* out, const BasicEvent<Text>& event) {
  switch (event.data_kind) {
    case DataKind::kNone:
      break;
    case DataKind::kJson:
      out->append(R"(,"data":)").append(event.data);
      break;
    case DataKind::kBinary:
      out->append(R"(,"data_base64":")").append(Base64Encode(event.data)).push_back('"');
      break;
  }
  out->push_back('}');
}

}  // namespace

void AppendEventJson(std::string* out, const RecordedEvent& event) {
  PutAttributes(out, event.event);
  out->append(R"(,"stream":)");
  AppendJsonString(out, event.event.stream);
  if (event.version) {
    out->append(R"(,"version":)");
    PutNumber(out, event.version->value);
  }
  out->append(R"(,"partition":)");
  PutNumber(out, event.partition.value);
  out->append(R"(,"offset":")");
  PutNumber(out, event.offset.value);
  out->append(R"(","index":)");
  PutNumber(out, event.index);
  PutDataAndClose(out, event.event);
}

void AppendCloudEventJson(std::string* out, const Event& event) {
  PutAttributes(out, event);
  PutDataAndClose(out, event);
}

void AppendCloudEventJson(std::string* out, const StoredEvent& event) {
  PutAttributes(out, event);
  PutDataAndClose(out, event);
}

}  // namespace bitacora
