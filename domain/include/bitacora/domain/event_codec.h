// Events between HTTP bodies, Kafka records and JSON answers (DESIGN §3, §7).
#pragma once

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/event.h>
#include <bitacora/domain/record.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitacora {

/// The most events one append or one bulk request may carry: 1,000.
inline constexpr std::size_t kAppendEventsMax = 1000;

/// An event as a request brought it, before the server completes it.
struct SubmittedEvent {
  Event event;
  /// Only of bulk appends: the extension attributes `stream` and `expectedversion`, taken out.
  std::string stream;
  std::string expected_version;
};

/// What an append request may look like; the Content-Type decides, see ParseAppendBody.
struct AppendBody {
  std::vector<SubmittedEvent> events;  ///< At least one.
};

/// Parses the body of an append: by Content-Type and `ce-` fields plain JSON (one object or an array),
/// CloudEvents binary, structured or batched. `fields` are the request's header fields with names in
/// lower case; `bulk` also takes `stream` and `expectedversion` of each event.
///
/// kInvalidArgument: "unsupported-media-type" (415), "malformed-event" (400; the sentence names the
/// event's index and member). kResourceExhausted "too-many-events" (413).
Result<AppendBody> ParseAppendBody(const std::vector<std::pair<std::string_view, std::string_view>>& fields,
                                   std::string_view body, bool bulk);

/// SHA-256, first 16 bytes, of the condition and of each event as the client sent it, before the
/// server adds id, source, time or subject. Equal requests, equal fingerprints, in every media type
/// of their own; the order of members in a plain JSON event does not matter, its data bytes do.
Fingerprint FingerprintOf(const Expected& expected, const std::vector<SubmittedEvent>& events);

/// What the server adds to an event that lacks it.
struct EventDefaults {
  std::string source;   ///< "/v1/topics/{topic}"
  std::string subject;  ///< The stream's name.
  std::string time;     ///< Now.
};

/// Adds value and ce_ headers for `events` (complete: id, source, type set) to `attempt`, which
/// MakeAttempt made: one event in CloudEvents Kafka binary mode, several as a JSON batch.
void EncodeEvents(const std::vector<Event>& events, Record* attempt);

/// The events of an admitted record. A value that is not what its headers say (only a foreign writer
/// can make one) gives `count` events of type "bitacora.unreadable" with the bytes as binary data, so
/// that versions stay without holes.
std::vector<Event> DecodeEvents(const StoredRecord& record, std::uint32_t count);

/// Any record of an adopted topic as an event: CloudEvents Kafka binary or structured mode where it is
/// one, else type "kafka.record" with id "{partition}-{offset}", source "/v1/topics/{topic}", the
/// record's time, and its value as JSON data if it is JSON, binary otherwise.
Event DecodeForeign(const StoredRecord& record, const TopicName& topic, Partition partition);

/// Appends `event` as a CloudEvent in JSON form plus `stream`, `version` (owned topics), `partition`,
/// `index` and `offset` (decimal string).
void AppendEventJson(std::string* out, const RecordedEvent& event);
/// As above without the five members that are ours: for application/cloudevents-batch+json.
void AppendCloudEventJson(std::string* out, const Event& event);

}  // namespace bitacora
