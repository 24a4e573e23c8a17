// An event: a CloudEvent 1.0 (github.com/cloudevents/spec, v1.0.2), with its data as bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/domain/ids.h>

namespace bitacora {

/// What JSON and the Kafka headers can both say. Numbers are CloudEvents Integers (32 bits).
enum class ExtensionType { kString, kBoolean, kInteger };

/// The value of an extension attribute.
template <typename Text>
struct BasicExtensionValue {
  using Type = ExtensionType;
  Type type = Type::kString;
  Text text;  ///< "true", "-7" or the string itself: CloudEvents' canonical string form.
  bool operator==(const BasicExtensionValue&) const = default;
};
using ExtensionValue = BasicExtensionValue<std::string>;

/// Whether the data bytes are a JSON value to be shown as such, or opaque. kNone exactly where they
/// are empty.
enum class DataKind { kNone, kJson, kBinary };

/// One event as a client gave it or as it is stored. Values of attributes are UTF-8 without control
/// characters.
template <typename Text>
struct BasicEvent {
  Text id;
  Text source;
  Text type;
  Text subject;            ///< Empty: the client gave none (it then is the stream's name).
  Text time;               ///< RFC 3339; empty: none given.
  Text data_content_type;  ///< Empty: none given; with JSON data that means application/json.
  Text data_schema;        ///< URI; empty: none.
  /// By name, sorted, at most 64; `[a-z0-9]{1,20}` (adopted topics: up to 64 characters), none of
  /// the attributes above and no member that answers add.
  std::vector<std::pair<Text, BasicExtensionValue<Text>>> extensions;
  DataKind data_kind = DataKind::kNone;
  /// JSON: exactly the bytes the client sent between the delimiters. Binary: the bytes themselves.
  Text data;

  bool operator==(const BasicEvent&) const = default;
};

/// An event on its way into a log.
using Event = BasicEvent<std::string>;

/// An event out of a log. Copies share the bytes, which live as long as the last copy does.
struct StoredEvent : BasicEvent<std::string_view> {
  /// The key of its record. Adopted topics: empty where it has none.
  std::string_view stream;
  std::shared_ptr<const void> owner;  ///< Keeps what all of these point to.
};

/// `event` as a stored one, without an owner: for as long as `event` stays where and as it is.
StoredEvent ViewOf(const Event& event);
/// `events` of one record, which has the key `stream`, with bytes that they share with no others.
std::vector<StoredEvent> StoredOf(std::vector<Event> events, std::string_view stream);
/// `event` with bytes of its own, and none of those that other events share with it.
StoredEvent Alone(const StoredEvent& event);
/// An event with texts of its own.
Event CopyOf(const StoredEvent& event);

/// An event with its place, as reads return it.
struct RecordedEvent {
  StoredEvent event;
  std::optional<Version> version;  ///< Owned topics only.
  Partition partition;
  Offset offset;
  std::int32_t index = 0;  ///< Place inside an append of several events.
};

}  // namespace bitacora
