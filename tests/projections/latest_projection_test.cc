#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/domain/admit.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/projections/latest_projection.h>

#include "support/events.h"

namespace bitacora::projections {
namespace {

using testing::PlacedOrder;
using testing::WithBytes;
using testing::WithExtension;
using testing::WithJson;

/// Documents in memory, and the record that made each.
class DocumentsInMemory final : public Documents {
 public:
  Result<std::optional<std::string>> Get(std::string_view key) override {
    const auto found = values.find(std::string(key));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
  void Put(std::string_view key, std::string value, const StoredRecord& cause) override {
    values[std::string(key)] = std::move(value);
    causes[std::string(key)] = cause.offset.value;
  }
  void Remove(std::string_view key) override { values.erase(std::string(key)); }

  std::map<std::string, std::string> values;
  std::map<std::string, std::int64_t> causes;
};

const Source kOwned{TopicName("orders"), Partition(3), true};
const Source kAdopted{TopicName("clicks"), Partition(2), false};

SourceRecord Append(std::int64_t offset, const std::string& stream, std::int64_t first_version,
                    const std::vector<Event>& events) {
  const auto count = static_cast<std::uint32_t>(events.size());
  Record record = MakeAttempt(StreamName(stream), AppendId("id"), {}, count, {});
  EncodeEvents(events, &record);
  return {MakeStoredRecord(Offset(offset), 1'000, std::move(record)), Version(first_version),
          count};
}

SourceRecord Foreign(std::int64_t offset, std::optional<std::string> key, std::string value) {
  Record record;
  record.key = std::move(key);
  record.value = std::move(value);
  return {MakeStoredRecord(Offset(offset), 1'767'225'600'000, std::move(record)), {}, 1};
}

SourceRecord Tombstone(std::int64_t offset, std::string key) {
  SourceRecord record = Foreign(offset, std::move(key), "");
  record.record.is_tombstone = true;
  return record;
}

DocumentsInMemory Fold(const Source& source, const std::vector<SourceRecord>& records) {
  DocumentsInMemory documents;
  const auto folded = LatestProjection().Fold(source, records, documents);
  EXPECT_EQ(folded.records, records.size());
  EXPECT_TRUE(folded.status.ok());
  return documents;
}

TEST(TheLatestOfAStream, IsItsLastEventWithItsPlace) {
  const auto documents =
      Fold(kOwned, {Append(7, "o-1", 4, {WithJson(PlacedOrder(), R"({"total": 1.10})")})});
  EXPECT_EQ(documents.values.at("o-1"),
            R"({"key":"o-1","version":4,"time":"2026-03-01T12:00:00.123Z","event":)"
            R"({"specversion":"1.0","id":"e-1","source":"/v1/topics/orders","type":"OrderPlaced",)"
            R"("subject":"order-1","time":"2026-03-01T12:00:00.123Z",)"
            R"("datacontenttype":"application/json","stream":"o-1","version":4,"partition":3,)"
            R"("offset":"7","index":0,"data":{"total": 1.10}}})");
}

TEST(TheLatestOfAStream, IsTheLastOfSeveralEventsInOneAppend) {
  Event last = WithBytes(PlacedOrder(), "text/plain", "hi");
  last.id = "e-3";
  const auto documents = Fold(kOwned, {Append(7, "o-1", 4, {PlacedOrder(), PlacedOrder(), last})});
  EXPECT_EQ(documents.values.at("o-1"),
            R"({"key":"o-1","version":6,"time":"2026-03-01T12:00:00.123Z","event":)"
            R"({"specversion":"1.0","id":"e-3","source":"/v1/topics/orders","type":"OrderPlaced",)"
            R"("subject":"order-1","time":"2026-03-01T12:00:00.123Z",)"
            R"("datacontenttype":"text/plain","stream":"o-1","version":6,"partition":3,)"
            R"("offset":"7","index":2,"data_base64":"aGk="}})");
}

TEST(TheLatestOfAStream, IsMadeByItsLastRecord) {
  const auto documents =
      Fold(kOwned, {Append(7, "o-1", 0, {PlacedOrder()}), Append(8, "o-2", 0, {PlacedOrder()}),
                    Append(9, "o-1", 1, {PlacedOrder()})});
  EXPECT_EQ(documents.causes.at("o-1"), 9);
  EXPECT_EQ(documents.causes.at("o-2"), 8);
  EXPECT_EQ(documents.values.size(), 2U);
}

TEST(TheLatestOfAStream, ChangesWithTheOffsetAlone) {
  const auto at_7 = Fold(kOwned, {Append(7, "o-1", 0, {PlacedOrder()})});
  const auto at_8 = Fold(kOwned, {Append(8, "o-1", 0, {PlacedOrder()})});
  EXPECT_NE(at_7.values, at_8.values);
}

TEST(TheLatestOfAStream, HasNoTimeWhereTheEventHasNone) {
  Event timeless = PlacedOrder();
  timeless.time = "";
  const auto documents = Fold(kOwned, {Append(7, "o-1", 0, {timeless})});
  EXPECT_NE(documents.values.at("o-1").find(R"("version":0,"time":null,"event":{)"),
            std::string::npos);
}

TEST(TheLatestOfAStream, EscapesItsKey) {
  const auto documents = Fold(kOwned, {Append(7, "a\"\\\u00e9", 0, {PlacedOrder()})});
  EXPECT_TRUE(documents.values.at("a\"\\\u00e9")
                  .starts_with(R"({"key":"a\"\\)"
                               "\u00e9\","));
}

TEST(TheLatestOfAStream, IsThereThoughItsRecordIsNotWhatItSays) {
  SourceRecord record = Append(7, "o-1", 4, {PlacedOrder(), PlacedOrder()});
  record.record.value = "no batch";
  const auto documents = Fold(kOwned, {record});
  const std::string& document = documents.values.at("o-1");
  EXPECT_TRUE(document.starts_with(R"({"key":"o-1","version":5,)")) << document;
  EXPECT_NE(document.find("bitacora.unreadable"), std::string::npos) << document;
}

TEST(TheLatestOfAStream, StaysAfterAnEmptyValue) {
  // An event without data has no value on Kafka, and is no deletion for that.
  SourceRecord record = Append(7, "o-1", 0, {PlacedOrder()});
  record.record.is_tombstone = true;
  EXPECT_EQ(Fold(kOwned, {record}).values.count("o-1"), 1U);
}

TEST(TheLatestOfAKey, HasNoVersion) {
  const auto documents = Fold(kAdopted, {Foreign(5, "u-1", R"({"page":"/"})")});
  EXPECT_EQ(documents.values.at("u-1"),
            R"({"key":"u-1","version":null,"time":"2026-01-01T00:00:00.000Z","event":)"
            R"({"specversion":"1.0","id":"2-5","source":"/v1/topics/clicks","type":"kafka.record",)"
            R"("time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json",)"
            R"("stream":"u-1","partition":2,"offset":"5","index":0,"data":{"page":"/"}}})");
}

TEST(TheLatestOfAKey, IsRemovedByATombstone) {
  EXPECT_TRUE(Fold(kAdopted, {Foreign(5, "u-1", "x"), Tombstone(6, "u-1")}).values.empty());
}

TEST(TheLatestOfAKey, ComesBackAfterATombstone) {
  const auto documents =
      Fold(kAdopted, {Foreign(5, "u-1", "x"), Tombstone(6, "u-1"), Foreign(7, "u-1", "y")});
  EXPECT_EQ(documents.causes.at("u-1"), 7);
}

TEST(TheLatestOfAKey, IsNotThatOfARecordWithoutOne) {
  EXPECT_TRUE(Fold(kAdopted, {Foreign(5, std::nullopt, "x")}).values.empty());
}

TEST(TheLatestOfAKey, MayBeOfTheEmptyKey) {
  EXPECT_EQ(Fold(kAdopted, {Foreign(5, "", "x")}).values.count(""), 1U);
}

TEST(TheLatestOfAKey, IsKeptUnderItsBytesAndShownAsText) {
  const auto documents = Fold(kAdopted, {Foreign(5, "\xFF", "x"), Foreign(6, "\xFE", "x")});
  EXPECT_EQ(documents.values.size(), 2U) << "two keys that look alike are two";
  EXPECT_TRUE(documents.values.at("\xFF").starts_with("{\"key\":\"\uFFFD\","));
}

}  // namespace
}  // namespace bitacora::projections
