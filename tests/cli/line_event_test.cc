#include "src/line_event.h"

#include <string>

#include <gtest/gtest.h>

#include <bitacora/domain/json.h>

namespace bitacora::cli {
namespace {

/// The event as the bulk append sends it.
std::string Sent(const std::string& line, const std::string& stream = "") {
  const auto event = ParseLineEvent(line, "orders", stream);
  if (!event.ok()) return "error: " + event.error().message();
  const std::string json =
      "{\"id\":" + (event->id.empty() ? "\"made\"" : event->id) + event->members + "}";
  EXPECT_TRUE(CheckJson(json).ok()) << json;
  return json;
}

TEST(ALineInPlainForm, BecomesACloudEvent) {
  EXPECT_EQ(
      Sent(R"({"type":"T","stream":"s"})"),
      R"({"id":"made","type":"T","specversion":"1.0","source":"/v1/topics/orders","stream":"s"})");
}

TEST(ALineInPlainForm, KeepsTheBytesOfItsData) {
  EXPECT_NE(Sent(R"({"type":"T","data": {"n": 1.500, "u":"\u00e9"} ,"stream":"s"})")
                .find(R"("data":{"n": 1.500, "u":"\u00e9"})"),
            std::string::npos);
}

TEST(ALineInPlainForm, MayHaveAnIdMetadataAndAnExpectation) {
  const std::string sent = Sent(R"({"type":"T","id":"7","metadata":{"who":"me"},"expect":3})", "s");
  EXPECT_NE(sent.find(R"({"id":"7")"), std::string::npos);
  EXPECT_NE(sent.find(R"("who":"me")"), std::string::npos);
  EXPECT_NE(sent.find(R"("expectedversion":3)"), std::string::npos);
}

TEST(ALineInPlainForm, TakesTheCommandsStreamWhereItNamesNone) {
  EXPECT_NE(Sent(R"({"type":"T"})", "given").find(R"("stream":"given")"), std::string::npos);
  EXPECT_EQ(Sent(R"({"type":"T"})"), "error: it names no \"stream\", and neither does the command");
}

TEST(ALineAsReadPrintsIt, LosesItsPlace) {
  EXPECT_EQ(Sent(R"({"specversion":"1.0","id":"1","source":"/x","type":"T","subject":"s","data":1,)"
                 R"("stream":"s","version":4,"partition":2,"offset":"9","index":0})"),
            R"({"id":"1","specversion":"1.0","source":"/x","type":"T","subject":"s","data":1,)"
            R"("stream":"s"})");
}

TEST(AWrongLine, IsRefusedWithTheReason) {
  for (const char* line :
       {"", "[]", "7", "{", R"({"data":1})", R"({"type":"T","typ":1,"stream":"s"})",
        R"({"type":"T","stream":7})", R"({"type":"T","stream":""})",
        R"({"type":"T","id":1,"stream":"s"})", R"({"type":"T","expect":"old","stream":"s"})",
        R"({"type":"T","expect":-1,"stream":"s"})", R"({"type":"T","metadata":1,"stream":"s"})",
        R"({"type":"T","type":"U","stream":"s"})"}) {
    EXPECT_TRUE(Sent(line).starts_with("error: ")) << line;
  }
}

}  // namespace
}  // namespace bitacora::cli
