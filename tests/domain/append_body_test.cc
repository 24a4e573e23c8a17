#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/domain/event_codec.h>

#include "support/events.h"

namespace bitacora {
namespace {

using testing::kOddJson;
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
using Type = ExtensionValue::Type;

const Fields kPlain{{"content-type", "application/json"}};
const Fields kStructured{{"content-type", "application/cloudevents+json"}};
const Fields kBatch{{"content-type", "application/cloudevents-batch+json"}};

/// A binary mode header with the required attributes, and `more`.
Fields Binary(const Fields& more) {
  Fields fields{{"host", "x"},
                {"ce-specversion", "1.0"},
                {"ce-id", "e-1"},
                {"ce-source", "urn:s"},
                {"ce-type", "t"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Event OneEvent(const Fields& fields, const std::string& body) {
  const auto parsed = ParseAppendBody(fields, body, false);
  EXPECT_TRUE(parsed.ok()) << body << ": " << parsed.error().message();
  if (!parsed.ok()) return {};
  EXPECT_EQ(parsed->events.size(), 1u);
  return parsed->events.front().event;
}

void ExpectMalformed(const Fields& fields, const std::string& body, const std::string& sentence) {
  const auto parsed = ParseAppendBody(fields, body, false);
  ASSERT_FALSE(parsed.ok()) << body;
  EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalidArgument) << body;
  EXPECT_EQ(parsed.error().reason(), "malformed-event") << body;
  EXPECT_NE(parsed.error().message().find(sentence), std::string::npos)
      << body << ": " << parsed.error().message();
}

void ExpectUnsupported(const Fields& fields, const std::string& body = "{}", bool bulk = false) {
  const auto parsed = ParseAppendBody(fields, body, bulk);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().reason(), "unsupported-media-type");
}

/// A structured event with the required attributes, and `more` (", …").
std::string Structured(const std::string& more) {
  return R"({"specversion":"1.0","id":"e-1","source":"urn:s","type":"t")" + more + "}";
}

// ---- The plain form

TEST(APlainEvent, HasATypeAndDataAndMayHaveIdAndMetadata) {
  const Event event = OneEvent(kPlain, R"( {"data":)" + kOddJson +
                                           R"( , "type":"Placed","id":"i","metadata":)"
                                           R"({"user":"ana","n":-5,"ok":true}} )");
  EXPECT_EQ(event.type, "Placed");
  EXPECT_EQ(event.id, "i");
  EXPECT_EQ(event.data_kind, DataKind::kJson);
  EXPECT_EQ(event.data, kOddJson);
  EXPECT_EQ(event.data_content_type, "");
  const std::vector<std::pair<std::string, ExtensionValue>> extensions{
      {"n", {Type::kInteger, "-5"}},
      {"ok", {Type::kBoolean, "true"}},
      {"user", {Type::kString, "ana"}}};
  EXPECT_EQ(event.extensions, extensions);
  EXPECT_EQ(event.source, "");
  EXPECT_EQ(event.time, "");
}

TEST(APlainEvent, MayBeOneOfAnArray) {
  const auto parsed =
      ParseAppendBody(kPlain, R"([{"type":"a","data":1},{"type":"b","data":null}])", false);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->events.size(), 2u);
  EXPECT_EQ(parsed->events[1].event.type, "b");
  EXPECT_EQ(parsed->events[1].event.data, "null");
}

TEST(APlainEvent, MayHaveMembersWithEscapes) {
  const Event event = OneEvent(kPlain, R"({"\u0074ype":"\u00d1","data":0})");
  EXPECT_EQ(event.type, "\xC3\x91");
}

TEST(APlainEvent, IsRefusedWithItsPlaceAndMember) {
  ExpectMalformed(kPlain, R"({"data":1})", "event 0: type: missing");
  ExpectMalformed(kPlain, R"({"type":"t"})", "event 0: data: missing");
  ExpectMalformed(kPlain, R"({"type":"","data":1})", "type: empty");
  ExpectMalformed(kPlain, R"({"type":7,"data":1})", "type: not a string");
  ExpectMalformed(kPlain, R"({"type":null,"data":1})", "type: null");
  ExpectMalformed(kPlain, R"({"type":{},"data":1})", "type: neither");
  ExpectMalformed(kPlain, R"({"type":"a\nb","data":1})", "type: no text");
  ExpectMalformed(kPlain, R"({"type":"a\u0085b","data":1})", "type: no text");
  ExpectMalformed(kPlain, R"({"type":"t","data":1,"extra":1})", "extra: unknown member");
  ExpectMalformed(kPlain, R"({"type":"t","data":1,"subject":"s"})", "subject: unknown member");
  ExpectMalformed(kPlain, R"({"type":"t","data":1,"a\u0000":1})", "NUL");
  ExpectMalformed(kPlain, "{\"type\":\"t\",\"data\":1,\"a\\n\":1}", "a member: unknown member");
  ExpectMalformed(kPlain, R"({"type":"t","type":"t","data":1})", "type: stands twice");
  ExpectMalformed(kPlain, R"({"type":"t","data":1,"d\u0061ta":1})", "data: stands twice");
  ExpectMalformed(kPlain, R"({"type":"t","data":1,"metadata":{},"metadata":{}})",
                  "metadata: stands");
  ExpectMalformed(kPlain, R"([{"type":"t","data":1},{"data":1}])", "event 1: type: missing");
  ExpectMalformed(kPlain, R"([{"type":"t","data":1},7])", "event 1: JSON, byte 23: no object");
  ExpectMalformed(kPlain, R"({"type":"t","data":{"a":1,"a":2}})", "twice in this object");
  ExpectMalformed(kPlain, R"({"type":"t","data":1} x)", "behind the value");
  ExpectMalformed(kPlain, R"({"type":"t","data":1)", "JSON, byte 20");
  ExpectMalformed(kPlain, "", "JSON, byte 0");
  ExpectMalformed(kPlain, "7", "no object");
  ExpectMalformed(kPlain, "\xEF\xBB\xBF{}", "no object");
}

TEST(TheMetadataOfAPlainEvent, AreScalarsUnderNamesOfExtensions) {
  const auto with = [](const std::string& metadata) {
    return R"({"type":"t","data":1,"metadata":)" + metadata + "}";
  };
  OneEvent(kPlain, with("{}"));
  OneEvent(kPlain, with(R"({"a2345678901234567890":2147483647,"b":-2147483648,"c":""})"));
  ExpectMalformed(kPlain, with("[]"), "no object");
  ExpectMalformed(kPlain, with(R"({"a23456789012345678901":1})"), "1 to 20");
  for (const char* const name : {"", "A", "a-b", "a_b", "\\u00e9"}) {
    ExpectMalformed(kPlain, with(std::string("{\"") + name + "\":1}"), "1 to 20");
  }
  for (const char* const name :
       {"id", "type", "source", "time", "subject", "specversion", "data", "datacontenttype",
        "dataschema", "stream", "version", "partition", "offset", "index", "expectedversion"}) {
    ExpectMalformed(kPlain, with(std::string("{\"") + name + "\":\"x\"}"), "a reserved name");
  }
  for (const char* const value : {"1.5", "2147483648", "-2147483649", "1e2", "-0", "1.0"}) {
    ExpectMalformed(kPlain, with(std::string("{\"a\":") + value + "}"), "a: a number that is no");
  }
  ExpectMalformed(kPlain, with(R"({"a":null})"), "a: null");
  ExpectMalformed(kPlain, with(R"({"a":[1]})"), "a: neither");
  ExpectMalformed(kPlain, with(R"({"a":1,"a":1})"), "a: stands twice");
  ExpectMalformed(kPlain, with(R"({"a":"\u0007"})"), "a: no text");
  std::string many = "{";
  for (int i = 0; i < 65; ++i) many += (i > 0 ? ",\"a" : "\"a") + std::to_string(i) + "\":1";
  ExpectMalformed(kPlain, with(many + "}"), "more than 64");
}

TEST(AnAppend, HasOneToAThousandEvents) {
  ExpectMalformed(kPlain, "[]", "no events");
  ExpectMalformed(kBatch, " [ ] ", "no events");
  std::string thousand = R"([{"type":"t","data":1})";
  for (int i = 1; i < 1000; ++i) thousand += R"(,{"type":"t","data":1})";
  const auto parsed = ParseAppendBody(kPlain, thousand + "]", false);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->events.size(), 1000u);
  const auto more = ParseAppendBody(kPlain, thousand + ",{}]", false);
  EXPECT_EQ(more.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(more.error().reason(), "too-many-events");
}

TEST(TheDataOfAnEvent, MayBeNested64DeepInEveryForm) {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  const std::string deeper = "[" + deep + "]";
  OneEvent(kPlain, R"({"type":"t","data":)" + deep + "}");
  OneEvent(kStructured, Structured(R"(,"data":)" + deep));
  OneEvent(kBatch, "[" + Structured(R"(,"data":)" + deep) + "]");
  OneEvent(Binary({{"content-type", "application/json"}}), deep);
  ExpectMalformed(kPlain, R"({"type":"t","data":)" + deeper + "}", "nested too deep");
  ExpectMalformed(kStructured, Structured(R"(,"data":)" + deeper), "nested too deep");
  ExpectMalformed(Binary({{"content-type", "application/json"}}), deeper, "nested too deep");
}

// ---- Media types

TEST(TheContentType, DecidesHowABodyIsRead) {
  OneEvent({{"content-type", "Application/JSON; charset=\"UTF-8\""}}, R"({"type":"t","data":1})");
  OneEvent({{"content-type", "application/cloudevents+json; charset=utf-8"}}, Structured(""));
  // Structured mode wins over fields of binary mode, as the HTTP binding says.
  EXPECT_EQ(OneEvent({{"content-type", "application/cloudevents+json"},
                      {"ce-specversion", "1.0"},
                      {"ce-id", "other"}},
                     Structured(""))
                .id,
            "e-1");
}

TEST(TheContentType, MustBeOneThatIsTaken) {
  ExpectUnsupported({});
  ExpectUnsupported({{"content-type", "text/plain"}});
  ExpectUnsupported({{"content-type", ""}});
  ExpectUnsupported({{"content-type", "application/vnd.api+json"}});
  ExpectUnsupported({{"content-type", "application/cloudevents+avro"}});
  ExpectUnsupported(Binary({{"content-type", "application/cloudevents+avro"}}));
  ExpectUnsupported({{"content-type", "application/cloudevents"}});
  ExpectUnsupported({{"content-type", "application/json; charset=utf-16"}});
  ExpectUnsupported({{"content-type", "application/json"}, {"content-type", "application/json"}});
  ExpectUnsupported(Binary({}), "a body without a type");
}

TEST(TheContentType, IsOnlyABatchInABulkAppend) {
  ExpectUnsupported(kPlain, R"({"type":"t","data":1})", true);
  ExpectUnsupported(kStructured, Structured(""), true);
  ExpectUnsupported(Binary({{"content-type", "application/json"}}), "{}", true);
}

// ---- CloudEvents, binary mode

TEST(ABinaryModeEvent, HasItsAttributesInTheHeaderAndItsDataInTheBody) {
  const Event event = OneEvent(Binary({{"content-type", "application/vnd.order+json;v=1"},
                                       {"ce-subject", "s"},
                                       {"ce-time", "2026-03-01T12:00:00+02:00"},
                                       {"ce-dataschema", "https://example.com/s"},
                                       {"ce-tenant", "7"}}),
                               "\n" + kOddJson + " ");
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.source, "urn:s");
  EXPECT_EQ(event.type, "t");
  EXPECT_EQ(event.subject, "s");
  EXPECT_EQ(event.time, "2026-03-01T12:00:00+02:00");
  EXPECT_EQ(event.data_schema, "https://example.com/s");
  EXPECT_EQ(event.data_content_type, "application/vnd.order+json;v=1");
  EXPECT_EQ(event.data_kind, DataKind::kJson);
  EXPECT_EQ(event.data, kOddJson);
  ASSERT_EQ(event.extensions.size(), 1u);
  EXPECT_EQ(event.extensions[0].second, (ExtensionValue{Type::kString, "7"}));
}

TEST(ABinaryModeEvent, KeepsBytesThatAreNoJson) {
  const std::string bytes("\0\xFF{", 3);
  const Event event = OneEvent(Binary({{"content-type", "image/png"}}), bytes);
  EXPECT_EQ(event.data_kind, DataKind::kBinary);
  EXPECT_EQ(event.data, bytes);
}

TEST(ABinaryModeEvent, MayHaveNoData) {
  EXPECT_EQ(OneEvent(Binary({}), "").data_kind, DataKind::kNone);
  const Event event = OneEvent(Binary({{"content-type", "application/json"}}), "");
  EXPECT_EQ(event.data_kind, DataKind::kNone);
  EXPECT_EQ(event.data_content_type, "application/json");
}

TEST(ABinaryModeEvent, HasValuesThatArePercentDecodedOnce) {
  const auto subject = [](std::string_view value) {
    return OneEvent(Binary({{"ce-subject", value}}), "").subject;
  };
  EXPECT_EQ(subject("Euro%20%E2%82%AC%20%F0%9F%98%80"), "Euro \xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(subject("100%2525"), "100%25");
  EXPECT_EQ(subject("\"quoted \\\"text\\\" \\\\ %25\""), "quoted \"text\" \\ %");
  EXPECT_EQ(subject("a\"b"), "a\"b");
}

TEST(ABinaryModeEvent, IsRefusedWithItsAttribute) {
  const auto refused = [](const Fields& more, const std::string& sentence) {
    ExpectMalformed(Binary(more), "", sentence);
  };
  refused({{"ce-subject", "100%"}}, "subject: badly");
  refused({{"ce-subject", "%4"}}, "subject: badly");
  refused({{"ce-subject", "%zz"}}, "subject: badly");
  refused({{"ce-subject", "\"open"}}, "subject: badly");
  refused({{"ce-subject", "\"a\"b"}}, "subject: badly");
  refused({{"ce-subject", "\"a\\"}}, "subject: badly");
  refused({{"ce-subject", "%00"}}, "subject: no text");
  refused({{"ce-subject", "%0D%0A"}}, "subject: no text");
  refused({{"ce-subject", "%C3"}}, "subject: no text");
  refused({{"ce-subject", "\xFF"}}, "subject: no text");
  refused({{"ce-subject", ""}}, "subject: empty");
  refused({{"ce-id", "e-2"}}, "id: stands twice");
  refused({{"ce-specversion", "1.0"}}, "specversion: stands twice");
  refused({{"ce-tenant", "a"}, {"ce-tenant", "a"}}, "tenant: stands twice");
  refused({{"ce-time", "yesterday"}}, "time: not a date-time");
  refused({{"ce-dataschema", "no-scheme"}}, "dataschema: not a URI");
  refused({{"ce-datacontenttype", "text/plain"}}, "datacontenttype: is the Content-Type");
  refused({{"ce-data", "1"}}, "data: a reserved name");
  refused({{"ce-stream", "1"}}, "stream: a reserved name");
  refused({{"ce-my-name", "1"}}, "my-name: an attribute's name");
  refused({{"ce-", "1"}}, "a member: an attribute's name");
  refused({{"content-type", "json"}}, "datacontenttype: not a media type");
  ExpectMalformed(Binary({{"content-type", "application/json"}}), "{", "data: JSON, byte 1");
  ExpectMalformed({{"ce-specversion", "1.0"}}, "", "id: missing");
  ExpectMalformed({{"ce-specversion", "1.0"}, {"ce-id", "1"}}, "", "source: missing");
  ExpectMalformed({{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "s"}}, "",
                  "type: missing");
  ExpectMalformed({{"ce-specversion", "0.3"}}, "", "specversion: not 1.0");
  ExpectMalformed({{"content-type", "application/json"}, {"ce-id", "1"}},
                  R"({"type":"t","data":1})", "specversion: missing");
}

// ---- CloudEvents, structured and batched

TEST(AStructuredEvent, HasItsAttributesAsMembers) {
  const Event event = OneEvent(
      kStructured, Structured(R"(,"subject":"s","time":"2026-03-01T12:00:00Z","dataschema":null,)"
                              R"("tenant":"x","n":5,"ok":false,"gone":null,"data":)" +
                              kOddJson));
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.subject, "s");
  EXPECT_EQ(event.data_schema, "");
  EXPECT_EQ(event.data, kOddJson);
  EXPECT_EQ(event.data_kind, DataKind::kJson);
  const std::vector<std::pair<std::string, ExtensionValue>> extensions{
      {"n", {Type::kInteger, "5"}},
      {"ok", {Type::kBoolean, "false"}},
      {"tenant", {Type::kString, "x"}}};
  EXPECT_EQ(event.extensions, extensions);
}

TEST(AStructuredEvent, MayHaveBytesInBase64) {
  const Event event =
      OneEvent(kStructured, Structured(R"(,"data_base64":"\/2hp","datacontenttype":"text/plain")"));
  EXPECT_EQ(event.data_kind, DataKind::kBinary);
  EXPECT_EQ(event.data, "\xFFhi");
  EXPECT_EQ(OneEvent(kStructured, Structured(R"(,"data_base64":"")")).data_kind, DataKind::kNone);
}

TEST(AStructuredEvent, HasJsonDataAlsoWhenItCameInBase64) {
  const Event event = OneEvent(
      kStructured, Structured(R"(,"data_base64":"IHsgfQ==","datacontenttype":"application/json")"));
  EXPECT_EQ(event.data_kind, DataKind::kJson);
  EXPECT_EQ(event.data, "{ }");
}

TEST(AStructuredEvent, HasAStringAsItsDataWhereThatIsNoJson) {
  const Event event =
      OneEvent(kStructured, Structured(R"(,"data":"<a>\u00e9</a>","datacontenttype":"text/xml")"));
  EXPECT_EQ(event.data_kind, DataKind::kBinary);
  EXPECT_EQ(event.data, "<a>\xC3\xA9</a>");
}

TEST(AStructuredEvent, IsRefusedWithItsMember) {
  const auto refused = [](const std::string& more, const std::string& sentence) {
    ExpectMalformed(kStructured, Structured(more), sentence);
  };
  refused(R"(,"data":1,"data_base64":"")", "data_base64: stands beside data");
  refused(R"(,"data_base64":"x")", "data_base64: not base64");
  refused(R"(,"data_base64":7)", "data_base64: not base64");
  refused(R"(,"data":1,"data":1)", "data: stands twice");
  refused(R"(,"data":{},"datacontenttype":"text/xml")", "data: not a string although");
  refused(R"(,"data_base64":"AA==","datacontenttype":"application/json")", "data: JSON, byte 0");
  refused(R"(,"datacontenttype":"text")", "datacontenttype: not a media type");
  refused(R"(,"subject":"")", "subject: empty");
  refused(R"(,"time":5)", "time: not a string");
  refused(R"(,"x":{})", "x: neither");
  refused(R"(,"x":1,"x":1)", "x: stands twice");
  refused(R"(,"metadata":{})", "metadata: neither");
  refused(R"(,"version":5)", "version: a reserved name");
  refused(R"(,"stream":"s")", "stream: a reserved name");
  refused(R"(,"expectedversion":"new")", "expectedversion: a reserved name");
  ExpectMalformed(kStructured, "[" + Structured("") + "]", "no object");
  ExpectMalformed(kStructured, R"({"id":"1","source":"s","type":"t"})", "specversion: missing");
  ExpectMalformed(kStructured, R"({"specversion":1.0,"id":"1","source":"s","type":"t"})",
                  "specversion: not");
  ExpectMalformed(kStructured, R"({"specversion":"1.0","id":null,"source":"s","type":"t"})",
                  "id: missing");
  ExpectMalformed(kStructured, R"({"specversion":"1.0","id":"1","source":"a b","type":"t"})",
                  "source: not a URI");
}

TEST(ABatch, IsAnArrayOfStructuredEvents) {
  const auto parsed =
      ParseAppendBody(kBatch, "[" + Structured("") + "," + Structured(R"(,"data":1)") + "]", false);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->events.size(), 2u);
  EXPECT_EQ(parsed->events[1].event.data, "1");
  ExpectMalformed(kBatch, Structured(""), "no array");
  ExpectMalformed(kBatch, "[" + Structured("") + "," + Structured(R"(,"x":[])") + "]",
                  "event 1: x: neither");
}

// ---- Bulk appends

TEST(AnEventOfABulkAppend, NamesItsStreamAndMayHaveACondition) {
  const auto parsed = ParseAppendBody(
      kBatch,
      "[" + Structured(R"(,"stream":"order-1","expectedversion":7)") + "," +
          Structured(R"(,"expectedversion":"new","stream":"order \u00f1","x":"y")") + "," +
          Structured(R"(,"stream":"order-1","expectedversion":null)") + "]",
      true);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->events.size(), 3u);
  EXPECT_EQ(parsed->events[0].stream, "order-1");
  EXPECT_EQ(parsed->events[0].expected_version, "7");
  EXPECT_TRUE(parsed->events[0].event.extensions.empty());
  EXPECT_EQ(parsed->events[1].stream, "order \xC3\xB1");
  EXPECT_EQ(parsed->events[1].expected_version, "new");
  EXPECT_EQ(parsed->events[1].event.extensions.size(), 1u);
  EXPECT_EQ(parsed->events[2].expected_version, "");
}

TEST(AnEventOfABulkAppend, IsRefusedWithoutAStream) {
  const auto refused = [](const std::string& more) {
    const auto parsed = ParseAppendBody(kBatch, "[" + Structured(more) + "]", true);
    EXPECT_EQ(parsed.error().reason(), "malformed-event") << more;
  };
  refused("");
  refused(R"(,"stream":"")");
  refused(R"(,"stream":null)");
  refused(R"(,"stream":5)");
  refused(R"(,"stream":"a","stream":"a")");
  refused(R"(,"stream":"a","expectedversion":"")");
  refused(R"(,"stream":"a","expectedversion":true)");
  refused(R"(,"stream":"a","expectedversion":[1])");
}

}  // namespace
}  // namespace bitacora
