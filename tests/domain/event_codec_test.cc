#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

namespace bitacora {
namespace {

using Type = ExtensionValue::Type;
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

/// A complete event without data.
Event PlacedOrder() {
  Event event;
  event.id = "e-1";
  event.source = "/v1/topics/orders";
  event.type = "OrderPlaced";
  event.subject = "order-1";
  event.time = "2026-03-01T12:00:00.123Z";
  return event;
}

Event WithJson(Event event, std::string data) {
  event.data_content_type = "application/json";
  event.data_kind = DataKind::kJson;
  event.data = std::move(data);
  return event;
}

Event WithBytes(Event event, std::string content_type, std::string data) {
  event.data_content_type = std::move(content_type);
  event.data_kind = DataKind::kBinary;
  event.data = std::move(data);
  return event;
}

Event WithExtension(Event event, std::string name, Type type, std::string text) {
  event.extensions.emplace_back(std::move(name), ExtensionValue{type, std::move(text)});
  return event;
}

Record RecordOf(const std::vector<Event>& events) {
  Record record =
      MakeAttempt(StreamName("order-1"), AppendId("a-1"), {},
                  static_cast<std::uint32_t>(events.size()), Fingerprint{});
  EncodeEvents(events, &record);
  return record;
}

StoredRecord Stored(Record record) { return MakeStoredRecord(Offset(7), 0, std::move(record)); }

std::string HeaderOf(const Record& record, std::string_view name) {
  for (const RecordHeader& header : record.headers) {
    if (header.name == name) return header.value;
  }
  return "(none)";
}

std::vector<Event> RoundTrip(const std::vector<Event>& events) {
  return DecodeEvents(Stored(RecordOf(events)), static_cast<std::uint32_t>(events.size()));
}

const std::string kOddJson = "{ \"b\" : 1.10,\t\"a\":[ 1E+2 ,\"\\u00e9\\/\" ] }";

std::vector<Event> EveryKindOfEvent() {
  Event typed = WithExtension(PlacedOrder(), "attempts", Type::kInteger, "-7");
  typed = WithExtension(std::move(typed), "express", Type::kBoolean, "true");
  Event schema = WithJson(PlacedOrder(), "null");
  schema.data_schema = "https://example.com/s?x=1#y";
  Event bare;
  bare.id = "\xC3\xB1 \"quoted\" \\ %41";
  bare.source = "urn:x";
  bare.type = "t";
  return {PlacedOrder(),
          WithJson(PlacedOrder(), kOddJson),
          WithJson(PlacedOrder(), "0"),
          WithBytes(PlacedOrder(), "text/plain", "plain text"),
          WithBytes(PlacedOrder(), "", std::string("\0\xFF\n", 3)),
          WithExtension(WithJson(PlacedOrder(), "{}"), "tenant", Type::kString, "true"),
          WithExtension(PlacedOrder(), "empty", Type::kString, ""),
          WithJson(typed, kOddJson),
          WithBytes(typed, "image/png", std::string("\x89PNG\0", 5)),
          typed,
          schema,
          bare};
}

TEST(AnEventInARecord, ComesBackAsItWas) {
  for (const Event& event : EveryKindOfEvent()) {
    EXPECT_EQ(RoundTrip({event}), std::vector<Event>{event}) << event.data;
  }
}

TEST(SeveralEventsInARecord, ComeBackAsTheyWere) {
  const std::vector<Event> events = EveryKindOfEvent();
  EXPECT_EQ(RoundTrip(events), events);
  const std::vector<Event> many(kAppendEventsMax, WithJson(PlacedOrder(), kOddJson));
  EXPECT_EQ(RoundTrip(many), many);
}

TEST(AnEventInARecord, IsBinaryModeOfTheKafkaBinding) {
  const Record record =
      RecordOf({WithExtension(WithJson(PlacedOrder(), kOddJson), "tenant", Type::kString, "x")});
  EXPECT_EQ(record.value, kOddJson);
  EXPECT_EQ(HeaderOf(record, "content-type"), "application/json");
  EXPECT_EQ(HeaderOf(record, "ce_specversion"), "1.0");
  EXPECT_EQ(HeaderOf(record, "ce_id"), "e-1");
  EXPECT_EQ(HeaderOf(record, "ce_type"), "OrderPlaced");
  EXPECT_EQ(HeaderOf(record, "ce_source"), "/v1/topics/orders");
  EXPECT_EQ(HeaderOf(record, "ce_subject"), "order-1");
  EXPECT_EQ(HeaderOf(record, "ce_time"), "2026-03-01T12:00:00.123Z");
  EXPECT_EQ(HeaderOf(record, "ce_tenant"), "x");
  EXPECT_EQ(HeaderOf(record, "ce_dataschema"), "(none)");
}

TEST(AnEventInARecord, IsStructuredWhereHeadersWouldLoseAType) {
  const Record record = RecordOf({WithExtension(PlacedOrder(), "n", Type::kInteger, "5")});
  EXPECT_EQ(HeaderOf(record, "content-type"), "application/cloudevents+json");
  EXPECT_EQ(HeaderOf(record, "ce_id"), "(none)");
  EXPECT_NE(record.value.find(R"("n":5)"), std::string::npos);
}

TEST(SeveralEventsInARecord, AreABatchWithTheDataAsItWas) {
  const Record record =
      RecordOf({WithJson(PlacedOrder(), kOddJson), WithJson(PlacedOrder(), "1")});
  EXPECT_EQ(HeaderOf(record, "content-type"), "application/cloudevents-batch+json");
  EXPECT_NE(record.value.find("\"data\":" + kOddJson), std::string::npos);
  EXPECT_TRUE(CheckJson(record.value).ok());
}

}  // namespace
}  // namespace bitacora
