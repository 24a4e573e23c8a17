#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bitacora/domain/event_codec.h>

#include "support/events.h"

namespace bitacora {
namespace {

using testing::kOddJson;
using testing::PlacedOrder;
using testing::WithBytes;
using testing::WithExtension;
using testing::WithJson;
using Json = nlohmann::json;
using Type = ExtensionValue::Type;

std::string JsonOf(const RecordedEvent& event) {
  std::string json;
  AppendEventJson(&json, event);
  return json;
}

RecordedEvent Recorded(const Event& event) {
  RecordedEvent recorded;
  recorded.event = ViewOf(event);
  recorded.event.stream = "order-1";
  recorded.version = Version(17);
  recorded.partition = Partition(3);
  recorded.offset = Offset(INT64_MAX);
  recorded.index = 2;
  recorded.event = Alone(recorded.event);
  return recorded;
}

TEST(AnEventInAnAnswer, IsACloudEventWithItsPlace) {
  EXPECT_EQ(JsonOf(Recorded(WithJson(PlacedOrder(), kOddJson))),
            R"({"specversion":"1.0","id":"e-1","source":"/v1/topics/orders","type":"OrderPlaced",)"
            R"("subject":"order-1","time":"2026-03-01T12:00:00.123Z",)"
            R"("datacontenttype":"application/json","stream":"order-1","version":17,)"
            R"("partition":3,"offset":"9223372036854775807","index":2,"data":)" +
                kOddJson + "}");
}

TEST(AnEventInAnAnswer, HasNoVersionInAnAdoptedTopic) {
  RecordedEvent event = Recorded(PlacedOrder());
  event.version.reset();
  event.event.stream = "";
  const Json json = Json::parse(JsonOf(event));
  EXPECT_FALSE(json.contains("version"));
  EXPECT_EQ(json["stream"], "");
  EXPECT_EQ(json["offset"], "9223372036854775807");
}

TEST(AnEventInAnAnswer, ShowsBytesInBase64) {
  const Json json = Json::parse(JsonOf(Recorded(WithBytes(PlacedOrder(), "text/plain", "\xFFhi"))));
  EXPECT_EQ(json["data_base64"], "/2hp");
  EXPECT_EQ(json["datacontenttype"], "text/plain");
  EXPECT_FALSE(json.contains("data"));
}

TEST(AnEventInAnAnswer, KeepsTheTypesOfItsExtensions) {
  Event event = WithExtension(PlacedOrder(), "a", Type::kInteger, "-5");
  event = WithExtension(std::move(event), "b", Type::kBoolean, "false");
  event = WithExtension(std::move(event), "c", Type::kString, "-5");
  const Json json = Json::parse(JsonOf(Recorded(event)));
  EXPECT_EQ(json["a"], -5);
  EXPECT_EQ(json["b"], false);
  EXPECT_EQ(json["c"], "-5");
}

TEST(AnEventInAnAnswer, EscapesWhateverItIsMadeOf) {
  RecordedEvent event = Recorded(PlacedOrder());
  event.event.id = "\"\\\n\x01\xC3\xB1";
  event.event.stream = "a\"b\xFF";  // A record's key, in an adopted topic.
  const Json json = Json::parse(JsonOf(event));
  EXPECT_EQ(json["id"], "\"\\\n\x01\xC3\xB1");
  EXPECT_EQ(json["stream"], "a\"b\xEF\xBF\xBD");
}

TEST(AnEventOfABatch, IsACloudEventAndNothingElse) {
  std::string json;
  Event event;
  event.id = "1";
  event.source = "urn:s";
  event.type = "t";
  event.data_schema = "urn:schema";
  event.data_kind = DataKind::kJson;
  event.data = "null";
  AppendCloudEventJson(&json, event);
  EXPECT_EQ(json, R"({"specversion":"1.0","id":"1","source":"urn:s","type":"t",)"
                  R"("datacontenttype":"application/json","dataschema":"urn:schema","data":null})");
}

}  // namespace
}  // namespace bitacora
