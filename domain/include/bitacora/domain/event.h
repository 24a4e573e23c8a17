// An event: a CloudEvent 1.0 (github.com/cloudevents/spec, v1.0.2), with its data as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/domain/ids.h>

namespace bitacora {

/// The value of an extension attribute: what JSON and the Kafka headers can both say. Numbers are
/// CloudEvents Integers (32 bits).
struct ExtensionValue {
  enum class Type { kString, kBoolean, kInteger };
  Type type = Type::kString;
  std::string text;  ///< "true", "-7" or the string itself: CloudEvents' canonical string form.
  bool operator==(const ExtensionValue&) const = default;
};

/// Whether the data bytes are a JSON value to be shown as such, or opaque. kNone exactly where they
/// are empty.
enum class DataKind { kNone, kJson, kBinary };

/// One event as a client gave it or as it is stored. Values of attributes are UTF-8 without control
/// characters.
struct Event {
  std::string id;
  std::string source;
  std::string type;
  std::string subject;  ///< Empty: the client gave none (it then is the stream's name).
  std::string time;     ///< RFC 3339; empty: none given.
  std::string
      data_content_type;    ///< Empty: none given; with JSON data that means application/json.
  std::string data_schema;  ///< URI; empty: none.
  /// By name, sorted, at most 64; `[a-z0-9]{1,20}` (adopted topics: up to 64 characters), none of
  /// the attributes above and no member that answers add.
  std::vector<std::pair<std::string, ExtensionValue>> extensions;
  DataKind data_kind = DataKind::kNone;
  /// JSON: exactly the bytes the client sent between the delimiters. Binary: the bytes themselves.
  std::string data;

  bool operator==(const Event&) const = default;
};

/// An event with its place, as reads return it.
struct RecordedEvent {
  Event event;
  StreamName stream;               ///< Adopted topics: the record key, empty where it has none.
  std::optional<Version> version;  ///< Owned topics only.
  Partition partition;
  Offset offset;
  std::int32_t index = 0;  ///< Place inside an append of several events.
};

}  // namespace bitacora
