// Events between HTTP bodies, Kafka records and JSON answers (docs/formats.md).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/event.h>
#include <bitacora/domain/record.h>

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

/// Parses the body of an append. `fields` are the request's header fields with names in lower case
/// and values without white space around them; the Content-Type decides:
///   application/cloudevents+json          one CloudEvent, structured
///   application/cloudevents-batch+json    an array of them; the only one that `bulk` takes, and
///   then
///                                         each event has the extension `stream` and may have
///                                         `expectedversion`, both reserved elsewhere
///   any other, with a ce-specversion      CloudEvents binary mode; none at all if the body is
///   empty application/json                      the plain form, `{type, data, id?, metadata?}` or
///   an array
/// Texts are checked as CloudEvents wants them, data as CheckJson does (each event's within limits
/// of its own). JSON data keeps its bytes, without the white space around it. Each event comes with
/// DataKind::kJson where its content type is JSON, or where it has none and its data was JSON.
///
/// kInvalidArgument: "unsupported-media-type" (415), "malformed-event" (400; the sentence names the
/// event's index and member). kResourceExhausted "too-many-events" (413). Nothing in between: one
/// bad event refuses all.
Result<AppendBody> ParseAppendBody(
    const std::vector<std::pair<std::string_view, std::string_view>>& fields, std::string_view body,
    bool bulk);

/// SHA-256, first 16 bytes, of the condition and of each event as the client sent it, before the
/// server adds id, source, time or subject. Equal requests, equal fingerprints, in every media type
/// of their own; the order of members does not matter, data bytes do. Must be asked before the
/// events are completed.
Fingerprint FingerprintOf(const Expected& expected, const std::vector<SubmittedEvent>& events);

/// Adds value and headers for `events` (1 to kAppendEventsMax, complete: id, source and type set)
/// to `attempt`, which MakeAttempt made. One event: CloudEvents Kafka binding, binary mode;
/// structured mode where an extension is no string, since headers would lose that. Several: a JSON
/// batch.
void EncodeEvents(const std::vector<Event>& events, Record* attempt);

/// The `count` (1 to kAppendEventsMax) events of an admitted record, which share its bytes where
/// they stand there as they are: what EncodeEvents was given,
/// but that JSON data without a content type now has "application/json". A value that is not what
/// its headers say (only a foreign writer can make one) gives `count` events of type
/// "bitacora.unreadable", so that versions stay without holes, the first of them with the bytes as
/// binary data.
std::vector<StoredEvent> DecodeEvents(const StoredRecord& record, std::uint32_t count);

/// Any record of an adopted topic as an event: CloudEvents Kafka binary or structured mode where it
/// is one, else type "kafka.record" with id "{partition}-{offset}", source "/v1/topics/{topic}",
/// the record's time, and its value as JSON data if it is JSON, binary otherwise. Extensions whose
/// names our answers need (`stream`, `version`, `partition`, `offset`, `index`, …) are left out.
StoredEvent DecodeForeign(const StoredRecord& record, const TopicName& topic, Partition partition);

/// Appends `event` as a CloudEvent in JSON form plus `stream`, `version` (owned topics),
/// `partition`, `index` and `offset` (decimal string). JSON data stands there byte for byte, any
/// other in `data_base64`.
void AppendEventJson(std::string* out, const RecordedEvent& event);
/// As above without the five members that are ours: for application/cloudevents-batch+json.
void AppendCloudEventJson(std::string* out, const Event& event);
void AppendCloudEventJson(std::string* out, const StoredEvent& event);

}  // namespace bitacora
