// The names and numbers of the field, each a type of its own, so that none is taken for another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <bitacora/base/status.h>

namespace bitacora {

/// A whole number that means one thing. Arithmetic is written where a type needs it.
template <typename Tag, typename Integer = std::int64_t>
struct NamedNumber {
  constexpr NamedNumber() = default;
  constexpr explicit NamedNumber(Integer number) : value(number) {}
  constexpr auto operator<=>(const NamedNumber&) const = default;
  constexpr NamedNumber Next() const { return NamedNumber(value + 1); }

  Integer value = 0;
};

/// A record's place in its partition, Kafka's: starts at 0, only grows, may have holes.
using Offset = NamedNumber<struct OffsetTag>;
/// A partition's number within its topic, from 0.
using Partition = NamedNumber<struct PartitionTag, std::int32_t>;
/// An event's place in its stream: 0, 1, 2 … without holes.
using Version = NamedNumber<struct VersionTag>;

/// Text that means one thing and has been checked to be allowed.
template <typename Tag>
class NamedText {
 public:
  NamedText() = default;
  /// Of text that is known to be allowed; text from outside goes through Parse functions below.
  explicit NamedText(std::string text) : text_(std::move(text)) {}

  const std::string& str() const { return text_; }
  auto operator<=>(const NamedText&) const = default;

 private:
  std::string text_;
};

/// A topic: `[A-Za-z0-9._-]{1,249}`, not "." or ".." (Kafka's rule).
using TopicName = NamedText<struct TopicNameTag>;
/// A stream within a topic; the record key. 1 to 200 bytes of UTF-8 without control characters, not
/// "." or "..".
using StreamName = NamedText<struct StreamNameTag>;
/// One append, within its stream: the client's Idempotency-Key or a UUIDv7 of the server's. 1 to
/// 132 visible ASCII characters: a key of up to 128, and behind it "#999" at most where a bulk
/// append put the event's place.
using AppendId = NamedText<struct AppendIdTag>;

/// kInvalidArgument where Kafka would not take the name. Names a client may not use for topics of
/// its own ("__…", "bitacora.…") are allowed here: see IsReservedTopic.
Result<TopicName> ParseTopicName(std::string_view text);
/// Begins with "__" or "bitacora.": not for clients.
bool IsReservedTopic(const TopicName& topic);
Result<StreamName> ParseStreamName(std::string_view text);
/// A client's key: 1 to 128 visible ASCII characters without '#'.
Result<AppendId> ParseIdempotencyKey(std::string_view text);

/// Whether `text` is a stream's name, without making one of it.
bool IsStreamName(std::string_view text);
/// Whether `text` can be an append id: a client's, the server's, or an event's of a bulk append.
bool IsAppendId(std::string_view text);

struct TopicPartition {
  TopicName topic;
  Partition partition;
  auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace bitacora

template <typename Tag>
struct std::hash<bitacora::NamedText<Tag>> {
  std::size_t operator()(const bitacora::NamedText<Tag>& text) const noexcept {
    return std::hash<std::string>()(text.str());
  }
};

template <typename Tag, typename Integer>
struct std::hash<bitacora::NamedNumber<Tag, Integer>> {
  std::size_t operator()(bitacora::NamedNumber<Tag, Integer> number) const noexcept {
    return std::hash<Integer>()(number.value);
  }
};

template <>
struct std::hash<bitacora::TopicPartition> {
  std::size_t operator()(const bitacora::TopicPartition& at) const noexcept {
    return std::hash<std::string>()(at.topic.str()) * 31 +
           static_cast<std::size_t>(at.partition.value);
  }
};
