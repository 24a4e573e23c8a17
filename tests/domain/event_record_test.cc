#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

#include "support/events.h"

namespace bitacora {
namespace {

using testing::CopiesOf;
using testing::kOddJson;
using testing::PlacedOrder;
using testing::WithBytes;
using testing::WithExtension;
using testing::WithJson;
using Type = ExtensionValue::Type;

Record RecordOf(const std::vector<Event>& events) {
  Record record = MakeAttempt(StreamName("order-1"), AppendId("a-1"), {},
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
  return CopiesOf(
      DecodeEvents(Stored(RecordOf(events)), static_cast<std::uint32_t>(events.size())));
}

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
  const Record record = RecordOf({WithJson(PlacedOrder(), kOddJson), WithJson(PlacedOrder(), "1")});
  EXPECT_EQ(HeaderOf(record, "content-type"), "application/cloudevents-batch+json");
  EXPECT_NE(record.value.find("\"data\":" + kOddJson), std::string::npos);
  EXPECT_TRUE(CheckJson(record.value).ok());
}

// ---- Records that only a foreign writer can make

/// What RecordOf made, with one header changed, or taken away where `value` is null.
Record Spoiled(Record record, std::string_view name, const char* value) {
  std::erase_if(record.headers, [&](const RecordHeader& header) { return header.name == name; });
  if (value != nullptr) record.headers.push_back({std::string(name), value});
  return record;
}

void ExpectStandIns(const Record& record, std::uint32_t count) {
  const std::vector<StoredEvent> events = DecodeEvents(Stored(record), count);
  ASSERT_EQ(events.size(), count);
  for (std::uint32_t i = 0; i < count; ++i) {
    EXPECT_EQ(events[i].type, "bitacora.unreadable");
    EXPECT_EQ(events[i].id, "7-" + std::to_string(i));
    EXPECT_EQ(events[i].data, i == 0 ? record.value : "");
  }
}

TEST(ARecordWhoseValueIsNotWhatItsHeadersSay, GivesStandInsForItsEvents) {
  const Record good = RecordOf({WithJson(PlacedOrder(), "{}")});
  Record no_json = good;
  no_json.value = "{\"a\":1},\"injected\":{}";
  ExpectStandIns(no_json, 1);
  ExpectStandIns(good, 3);  // Of a bitacora_count that is not true.
  ExpectStandIns(Spoiled(good, "ce_id", nullptr), 1);
  ExpectStandIns(Spoiled(good, "ce_type", ""), 1);
  ExpectStandIns(Spoiled(good, "ce_source", "a\nb"), 1);
  ExpectStandIns(Spoiled(good, "ce_subject", "\xFF"), 1);
  ExpectStandIns(Spoiled(good, "ce_specversion", "2.0"), 1);
  ExpectStandIns(Spoiled(good, "ce_version", "5"), 1);
  ExpectStandIns(Spoiled(good, "ce_datacontenttype", "x/y"), 1);
  ExpectStandIns(Spoiled(good, "ce_Upper", "5"), 1);
  ExpectStandIns(Spoiled(good, "content-type", "application/cloudevents+json"), 1);
  ExpectStandIns(Spoiled(good, "content-type", "application/cloudevents-batch+json"), 1);
  Record doubled = good;
  doubled.headers.push_back({"ce_id", "e-2"});
  ExpectStandIns(doubled, 1);
  Record doubled_extension = good;
  doubled_extension.headers.insert(doubled_extension.headers.end(), {{"ce_x", "1"}, {"ce_x", "2"}});
  ExpectStandIns(doubled_extension, 1);
}

TEST(ABatchThatIsNotWhatItsHeadersSay, GivesStandInsForItsEvents) {
  Record batch = RecordOf({WithJson(PlacedOrder(), "{}"), WithJson(PlacedOrder(), "1")});
  ExpectStandIns(batch, 1);
  ExpectStandIns(batch, 3);
  ExpectStandIns(batch, 1000);
  batch.value.back() = ' ';
  ExpectStandIns(batch, 2);
  batch.value = "[{},{}]";
  ExpectStandIns(batch, 2);
  batch.value.clear();
  ExpectStandIns(batch, 2);
}

// ---- Bytes

/// What is decoded lives on when the record is gone, and when it is moved and copied.
TEST(AStoredEvent, KeepsItsBytes) {
  const std::vector<Event> binary{
      WithJson(PlacedOrder(), R"({"long enough":"not to be kept in place"})")};
  const std::vector<Event> structured{
      WithExtension(binary.front(), "attempts", Type::kInteger, "-7")};
  const std::vector<Event> batch{binary.front(), structured.front(), binary.front()};
  for (const std::vector<Event>& events : {binary, structured, batch}) {
    EXPECT_EQ(RoundTrip(events), events);  // Whose record is gone when they are compared.
    std::vector<StoredEvent> stored =
        DecodeEvents(Stored(RecordOf(events)), static_cast<std::uint32_t>(events.size()));
    StoredEvent last = stored.back();
    stored.clear();
    const StoredEvent moved = std::move(last);
    EXPECT_EQ(CopyOf(moved), events.back());
  }
}

TEST(AStoredEvent, KeepsItsBytesWhereItStandsIn) {
  Record record = RecordOf({WithJson(PlacedOrder(), "{}")});
  record.value = "{ this is no JSON, and too long to be kept in place";
  const std::string value = record.value;
  const StoredEvent event = DecodeEvents(Stored(std::move(record)), 1).front();
  EXPECT_EQ(event.data, value);
}

TEST(AStoredEvent, AloneSharesNothing) {
  StoredEvent alone;
  {
    const StoredRecord record = Stored(RecordOf({WithJson(PlacedOrder(), "[1,2,3]")}));
    const StoredEvent event = DecodeEvents(record, 1).front();
    alone = Alone(event);
    EXPECT_EQ(alone.stream, event.stream);
    EXPECT_EQ(alone.stream, record.key);
    EXPECT_EQ(record.bytes.use_count(), 2) << "of the record and of the first event";
  }
  EXPECT_EQ(CopyOf(alone), WithJson(PlacedOrder(), "[1,2,3]"));
}

TEST(AStoredEvent, SaysItsStreamWhenItsRecordIsGone) {
  Record binary = RecordOf({WithJson(PlacedOrder(), "{}")});
  binary.key = "a stream's name too long to be kept in place";
  Record unreadable = binary;
  unreadable.value = "{";
  for (const Record& record : {binary, unreadable}) {
    EXPECT_EQ(DecodeEvents(Stored(record), 1).front().stream, *binary.key);
    EXPECT_EQ(DecodeForeign(Stored(record), TopicName("t"), Partition(0)).stream, *binary.key);
  }
}

/// Headers of others may be of any size, and are not counted where pages are bounded.
TEST(AStoredEvent, OfAnAdoptedTopicKeepsNothingElseOfItsRecord) {
  const StoredRecord record = MakeStoredRecord(Offset(0), 0, Record{"key", "1", {{"trace", "x"}}});
  const StoredEvent event = DecodeForeign(record, TopicName("t"), Partition(0));
  EXPECT_EQ(record.bytes.use_count(), 1);
}

// ---- Adopted topics

StoredRecord ForeignRecord(std::string value, std::vector<RecordHeader> headers = {}) {
  return MakeStoredRecord(Offset(12), 1'772'366'400'123,
                          Record{"key", std::move(value), std::move(headers)});
}

Event Foreign(const StoredRecord& record) {
  return CopyOf(DecodeForeign(record, TopicName("clicks"), Partition(3)));
}

TEST(ARecordOfAnAdoptedTopic, IsAnEventOfItsOwnTypeWithItsPlaceAsId) {
  const Event event = Foreign(ForeignRecord(" {\"a\": 1}\n"));
  EXPECT_EQ(event.type, "kafka.record");
  EXPECT_EQ(event.id, "3-12");
  EXPECT_EQ(event.source, "/v1/topics/clicks");
  EXPECT_EQ(event.time, "2026-03-01T12:00:00.123Z");
  EXPECT_EQ(event.data_kind, DataKind::kJson);
  EXPECT_EQ(event.data, "{\"a\": 1}");
  EXPECT_EQ(event.data_content_type, "application/json");
}

TEST(ARecordOfAnAdoptedTopic, HasNoTimeWhereThatCannotBeWritten) {
  StoredRecord record = ForeignRecord("1");
  for (const std::int64_t time : {std::int64_t{-1}, std::int64_t{253'402'300'800'000}, INT64_MAX}) {
    record.timestamp_ms = time;
    EXPECT_EQ(Foreign(record).time, "");
  }
  record.timestamp_ms = 253'402'300'799'999;
  EXPECT_EQ(Foreign(record).time, "9999-12-31T23:59:59.999Z");
}

TEST(ARecordOfAnAdoptedTopic, HasBinaryDataWhereItIsNoJson) {
  for (const std::string& value :
       {std::string("{\"a\":1,\"a\":2}"), std::string("text"), std::string("\0\xFF", 2)}) {
    const Event event = Foreign(ForeignRecord(value));
    EXPECT_EQ(event.data_kind, DataKind::kBinary);
    EXPECT_EQ(event.data, value);
  }
  StoredRecord tombstone = ForeignRecord("");
  tombstone.is_tombstone = true;
  EXPECT_EQ(Foreign(tombstone).data_kind, DataKind::kNone);
}

TEST(ARecordOfAnAdoptedTopic, IsTheCloudEventItCarriesInItsHeaders) {
  const Event event = Foreign(ForeignRecord("<a/>", {{"content-type", "text/xml"},
                                                     {"ce_specversion", "1.0"},
                                                     {"ce_id", "x"},
                                                     {"ce_source", "urn:s"},
                                                     {"ce_type", "t"},
                                                     {"ce_time", "2026-01-01T00:00:00Z"},
                                                     {"ce_averyveryveryverylongname", "1"},
                                                     {"ce_offset", "17"},
                                                     {"other", "2"}}));
  EXPECT_EQ(event.type, "t");
  EXPECT_EQ(event.id, "x");
  EXPECT_EQ(event.data_content_type, "text/xml");
  EXPECT_EQ(event.data_kind, DataKind::kBinary);
  EXPECT_EQ(event.data, "<a/>");
  ASSERT_EQ(event.extensions.size(), 1u);  // ce_offset is a name that answers need.
  EXPECT_EQ(event.extensions[0].first, "averyveryveryverylongname");
}

TEST(ARecordOfAnAdoptedTopic, IsTheCloudEventThatIsItsValue) {
  const Event event = Foreign(ForeignRecord(
      R"({"specversion":"1.0","id":"x","source":"urn:s","type":"t","data": [1 ],"n":5,"index":3})",
      {{"content-type", "application/cloudevents+json; charset=UTF-8"}}));
  EXPECT_EQ(event.type, "t");
  EXPECT_EQ(event.data, "[1 ]");
  ASSERT_EQ(event.extensions.size(), 1u);
  EXPECT_EQ(event.extensions[0].second, (ExtensionValue{Type::kInteger, "5"}));
}

TEST(ARecordOfAnAdoptedTopic, KeepsItsBytesWhereItsHeadersClaimJson) {
  const Event event = Foreign(ForeignRecord("{oops", {{"content-type", "application/json"},
                                                      {"ce_specversion", "1.0"},
                                                      {"ce_id", "x"},
                                                      {"ce_source", "urn:s"},
                                                      {"ce_type", "t"}}));
  EXPECT_EQ(event.type, "t");
  EXPECT_EQ(event.data_kind, DataKind::kBinary);
  EXPECT_EQ(event.data, "{oops");
}

TEST(ARecordOfAnAdoptedTopic, IsNoCloudEventIfOnlyHalfOne) {
  EXPECT_EQ(Foreign(ForeignRecord("1", {{"ce_specversion", "1.0"}, {"ce_id", "x"}})).type,
            "kafka.record");
  EXPECT_EQ(Foreign(ForeignRecord("{}", {{"content-type", "application/cloudevents+json"}})).type,
            "kafka.record");
  EXPECT_EQ(Foreign(ForeignRecord("1", {{"ce_specversion", "0.3"},
                                        {"ce_id", "x"},
                                        {"ce_source", "urn:s"},
                                        {"ce_type", "t"}}))
                .type,
            "kafka.record");
}

}  // namespace
}  // namespace bitacora
