// Events in records: what EncodeEvents writes, DecodeEvents reads. Bytes that outlive the process:
// docs/formats.md, "Records of an owned topic".
#include <algorithm>

#include <bitacora/base/check.h>
#include <bitacora/base/clock.h>
#include <bitacora/domain/event_codec.h>

#include "src/attributes.h"
#include "src/event_json.h"
#include "src/json_scanner.h"
#include "src/text.h"

namespace bitacora {
namespace {

constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kAttributePrefix = "ce_";
constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kStructuredType = "application/cloudevents+json";
constexpr std::string_view kBatchType = "application/cloudevents-batch+json";

/// RFC 3339 ends with the year 9999; a foreign record may say any time.
constexpr std::int64_t kYear10000Ms = 253'402'300'800'000;

/// Headers are text: only a string comes back as what it was.
bool FitsHeaders(const Event& event) {
  return std::all_of(event.extensions.begin(), event.extensions.end(), [](const auto& extension) {
    return extension.second.type == ExtensionValue::Type::kString;
  });
}

void PutHeader(std::string_view name, std::string_view value, Record* record) {
  if (!value.empty()) record->headers.push_back({std::string(name), std::string(value)});
}

void EncodeBinary(const Event& event, Record* record) {
  const bool untyped_json = event.data_kind == DataKind::kJson && event.data_content_type.empty();
  PutHeader(kContentType, untyped_json ? kJsonType : event.data_content_type, record);
  PutHeader("ce_specversion", "1.0", record);
  PutHeader("ce_id", event.id, record);
  PutHeader("ce_type", event.type, record);
  PutHeader("ce_source", event.source, record);
  PutHeader("ce_subject", event.subject, record);
  PutHeader("ce_time", event.time, record);
  PutHeader("ce_dataschema", event.data_schema, record);
  for (const auto& [name, value] : event.extensions) {
    record->headers.push_back({std::string(kAttributePrefix) + name, value.text});
  }
  record->value = event.data;
}

// ---- Reading

std::string_view KeyOf(const StoredRecord& record) {
  return record.key.value_or(std::string_view());
}

/// Sorts; false where a name stands twice.
bool SortExtensions(StoredEvent* event) {
  auto& extensions = event->extensions;
  const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::sort(extensions.begin(), extensions.end(), by_name);
  return std::adjacent_find(extensions.begin(), extensions.end(), same) == extensions.end();
}

/// A header `ce_{name}`. Our own writers have checked names and values; what is checked again is
/// what would make an answer ambiguous.
bool TakeAttribute(std::string_view name, std::string_view value, StoredEvent* event) {
  if (!IsTextWithoutControls(value)) return false;
  if (std::string_view* const field = AttributeField(name, event)) {
    if (!field->empty() || name == "datacontenttype") return false;
    *field = value;
    return true;
  }
  if (name == "specversion") return value == "1.0";
  if (!IsExtensionName(name, 20) || IsReservedName(name)) return false;
  event->extensions.push_back({name, {ExtensionType::kString, value}});
  return true;
}

/// Its texts are those of the record.
bool DecodeBinary(const StoredRecord& record, StoredEvent* event) {
  for (const RecordHeaderView& header : record.headers) {
    if (header.name == kContentType) {
      if (!event->data_content_type.empty() || !IsTextWithoutControls(header.value)) return false;
      event->data_content_type = header.value;
    } else if (header.name.starts_with(kAttributePrefix)) {
      const std::string_view name = header.name.substr(kAttributePrefix.size());
      if (!TakeAttribute(name, header.value, event)) return false;
    }
  }
  const bool complete = !event->id.empty() && !event->type.empty() && !event->source.empty();
  return complete && SortExtensions(event) && TakeDataBytes(record.value, event).ok();
}

bool DecodeStructured(const StoredRecord& record, Event* event) {
  JsonScanner json(record.value);
  return ReadCloudEvent(&json, AttributeRules::kStored, event).ok() && json.End();
}

bool DecodeBatch(const StoredRecord& record, std::uint32_t count, std::vector<Event>* events) {
  JsonScanner json(record.value);
  json.Open('[');
  while (json.NextElement()) {
    if (events->size() == count) return false;
    if (!ReadCloudEvent(&json, AttributeRules::kStored, &events->emplace_back()).ok()) return false;
  }
  return json.End() && events->size() == count;
}

/// Those whose texts do not stand in the record as they are: JSON has escapes.
bool DecodeJson(const StoredRecord& record, std::string_view type, std::uint32_t count,
                std::vector<Event>* events) {
  events->reserve(std::min<std::size_t>(count, kAppendEventsMax));
  if (type == kBatchType) return count > 1 && DecodeBatch(record, count, events);
  return count == 1 && DecodeStructured(record, &events->emplace_back());
}

/// What stands in for events that cannot be read. The bytes are in the first, else a small record
/// could become a large answer.
std::vector<StoredEvent> StandIns(const StoredRecord& record, std::uint32_t count) {
  std::vector<Event> events(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    events[i].id = std::to_string(record.offset.value) + "-" + std::to_string(i);
    events[i].source = "urn:bitacora";
    events[i].type = "bitacora.unreadable";
  }
  if (!events.empty() && !record.value.empty()) {
    events.front().data_kind = DataKind::kBinary;
    events.front().data = record.value;
  }
  return StoredOf(std::move(events), KeyOf(record));
}

// ---- Records of others

bool DecodeForeignBinary(const StoredRecord& record, Event* event) {
  AttributeCollector attributes(AttributeRules::kStored, event);
  for (const RecordHeaderView& header : record.headers) {
    Status status;
    if (header.name == kContentType) {
      status = attributes.Set("datacontenttype", ExtensionValue::Type::kString, header.value);
    } else if (header.name.starts_with(kAttributePrefix)) {
      status = attributes.Set(header.name.substr(kAttributePrefix.size()),
                              ExtensionValue::Type::kString, header.value);
    }
    if (!status.ok()) return false;
  }
  if (!attributes.FinishCloudEvent().ok()) return false;
  if (!TakeDataBytes(record.value, event).ok()) {
    // It says JSON and is none: its bytes are worth more than its word.
    event->data_kind = DataKind::kBinary;
    event->data = record.value;
  }
  return true;
}

bool DecodeForeignCloudEvent(const StoredRecord& record, Event* event) {
  const auto type = record.FindHeader(kContentType);
  if (type && MediaTypeOf(*type) == kStructuredType) {
    return DecodeStructured(record, event);
  }
  return record.FindHeader("ce_specversion") && DecodeForeignBinary(record, event);
}

/// As JSON where it is that, else as bytes.
void TakeForeignValue(std::string_view bytes, Event* event) {
  JsonScanner json(bytes);
  std::string_view value;
  const bool is_json = json.Value(&value) && json.End();
  event->data_kind = is_json ? DataKind::kJson : DataKind::kBinary;
  event->data = is_json ? value : bytes;
  if (is_json) event->data_content_type = kJsonType;
  if (bytes.empty()) event->data_kind = DataKind::kNone;
}

Event ForeignEvent(const StoredRecord& record, const TopicName& topic, Partition partition) {
  Event event;
  if (DecodeForeignCloudEvent(record, &event)) return event;
  event = Event();
  event.id = std::to_string(partition.value) + "-" + std::to_string(record.offset.value);
  event.source = "/v1/topics/" + topic.str();
  event.type = "kafka.record";
  if (record.timestamp_ms >= 0 && record.timestamp_ms < kYear10000Ms) {
    event.time = FormatRfc3339(record.timestamp_ms);
  }
  TakeForeignValue(record.value, &event);
  return event;
}

}  // namespace

void EncodeEvents(const std::vector<Event>& events, Record* attempt) {
  BITACORA_CHECK(!events.empty() && events.size() <= kAppendEventsMax,
                 std::to_string(events.size()) + " events");
  if (events.size() == 1 && FitsHeaders(events.front())) {
    EncodeBinary(events.front(), attempt);
    return;
  }
  if (events.size() == 1) {
    PutHeader(kContentType, kStructuredType, attempt);
    AppendCloudEventJson(&attempt->value, events.front());
    return;
  }
  PutHeader(kContentType, kBatchType, attempt);
  for (const Event& event : events) {
    attempt->value.push_back(&event == &events.front() ? '[' : ',');
    AppendCloudEventJson(&attempt->value, event);
  }
  attempt->value.push_back(']');
}

std::vector<StoredEvent> DecodeEvents(const StoredRecord& record, std::uint32_t count) {
  const std::string_view type = record.FindHeader(kContentType).value_or(std::string_view());
  if (type == kBatchType || type == kStructuredType) {
    std::vector<Event> events;
    const bool decoded = DecodeJson(record, type, count, &events);
    return decoded ? StoredOf(std::move(events), KeyOf(record)) : StandIns(record, count);
  }
  std::vector<StoredEvent> events(1);
  events.front().stream = KeyOf(record);
  events.front().owner = record.bytes;
  const bool decoded = count == 1 && DecodeBinary(record, &events.front());
  return decoded ? events : StandIns(record, count);
}

StoredEvent DecodeForeign(const StoredRecord& record, const TopicName& topic, Partition partition) {
  std::vector<Event> events(1);
  events.front() = ForeignEvent(record, topic, partition);
  return std::move(StoredOf(std::move(events), KeyOf(record)).front());
}

}  // namespace bitacora
