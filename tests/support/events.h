// Events to test with, built up in steps.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <bitacora/domain/event.h>

namespace bitacora::testing {

/// A complete event without data.
inline Event PlacedOrder() {
  Event event;
  event.id = "e-1";
  event.source = "/v1/topics/orders";
  event.type = "OrderPlaced";
  event.subject = "order-1";
  event.time = "2026-03-01T12:00:00.123Z";
  return event;
}

inline Event WithJson(Event event, std::string data) {
  event.data_content_type = "application/json";
  event.data_kind = DataKind::kJson;
  event.data = std::move(data);
  return event;
}

inline Event WithBytes(Event event, std::string content_type, std::string data) {
  event.data_content_type = std::move(content_type);
  event.data_kind = DataKind::kBinary;
  event.data = std::move(data);
  return event;
}

/// Extensions must be added in the order of their names.
inline Event WithExtension(Event event, std::string name, ExtensionValue::Type type,
                           std::string text) {
  event.extensions.emplace_back(std::move(name), ExtensionValue{type, std::move(text)});
  return event;
}

inline std::vector<Event> CopiesOf(const std::vector<StoredEvent>& events) {
  std::vector<Event> copies;
  for (const StoredEvent& event : events) copies.push_back(CopyOf(event));
  return copies;
}

/// JSON that any parser and printer would change.
inline const std::string kOddJson = "{ \"b\" : 1.10,\t\"a\":[ 1E+2 ,\"\\u00e9\\/\" ] }";

}  // namespace bitacora::testing
