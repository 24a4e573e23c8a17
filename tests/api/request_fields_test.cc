// The rules of the header fields, one by one (docs/errors.md names what is refused).
#include "src/request_fields.h"

#include <initializer_list>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::api {
namespace {

using std::chrono::seconds;
using Fields = std::initializer_list<std::pair<const char*, std::string>>;

HttpRequest With(Fields fields) {
  HttpRequest request;
  for (const auto& [name, value] : fields) request.fields.push_back({name, value});
  return request;
}

template <typename T>
std::string ReasonOf(const Result<T>& result) {
  return result.ok() ? "(accepted)" : std::string(result.error().reason());
}

// ---- If-Match, If-None-Match of an append

TEST(ACondition, IsNoneWhereNothingIsDemanded) {
  EXPECT_EQ(ReadCondition(With({})).value(), Expected{});
}

TEST(ACondition, DemandsAVersion) {
  for (const auto& [tag, version] : std::initializer_list<std::pair<const char*, std::int64_t>>{
           {"\"0\"", 0}, {"\"18\"", 18}, {"\"9007199254740991\"", 9007199254740991}}) {
    EXPECT_EQ(ReadCondition(With({{"if-match", tag}})).value(),
              (Expected{Expected::Kind::kVersion, Version(version)}));
  }
}

TEST(ACondition, DemandsAStreamThatExistsOrIsNew) {
  EXPECT_EQ(ReadCondition(With({{"if-match", "*"}}))->kind, Expected::Kind::kExists);
  EXPECT_EQ(ReadCondition(With({{"if-none-match", "*"}}))->kind, Expected::Kind::kNew);
}

TEST(ACondition, IsOneStrongDecimalTag) {
  for (const char* tag : {"",
                          "18",
                          "W/\"18\"",
                          "w/\"18\"",
                          "\"18",
                          "18\"",
                          "\"",
                          "\"\"",
                          "\"-1\"",
                          "\"+1\"",
                          "\"01\"",
                          "\"1e3\"",
                          "\"0x10\"",
                          "\" 1\"",
                          "\"1 \"",
                          "\"1.0\"",
                          "\"a\"",
                          "\"1\", \"2\"",
                          "\"1\",",
                          "\"*\"",
                          "**",
                          "*, \"1\"",
                          "\"9007199254740992\"",
                          "\"9223372036854775808\"",
                          "\"18446744073709551616\"",
                          "'1'"}) {
    EXPECT_EQ(ReasonOf(ReadCondition(With({{"if-match", tag}}))), "invalid-condition") << tag;
  }
}

TEST(ACondition, OfNoneIsAStarOnly) {
  for (const char* tag : {"", "\"1\"", "W/\"1\"", "*, *", "1", "\"*\""}) {
    EXPECT_EQ(ReasonOf(ReadCondition(With({{"if-none-match", tag}}))), "invalid-condition") << tag;
  }
}

TEST(ACondition, ComesOnce) {
  EXPECT_EQ(ReasonOf(ReadCondition(With({{"if-match", "*"}, {"if-none-match", "*"}}))),
            "invalid-condition");
  EXPECT_EQ(ReasonOf(ReadCondition(With({{"if-match", "\"1\""}, {"if-match", "\"1\""}}))),
            "invalid-condition");
  EXPECT_EQ(ReasonOf(ReadCondition(With({{"if-none-match", "*"}, {"if-none-match", "*"}}))),
            "invalid-condition");
}

// ---- Idempotency-Key

TEST(AnIdempotencyKey, IsWhatIsBetweenOnePairOfQuotes) {
  const auto key = [](const std::string& value) {
    return ReadIdempotencyKey(With({{"idempotency-key", value}})).value()->str();
  };
  EXPECT_EQ(key("order-1"), "order-1");
  EXPECT_EQ(key("\"order-1\""), "order-1");
  EXPECT_EQ(key("\"\"order-1\"\""), "\"order-1\"");
  EXPECT_EQ(key("\"order-1"), "\"order-1");
  EXPECT_EQ(key("\""), "\"");
  EXPECT_EQ(key(std::string(128, 'x')), std::string(128, 'x'));
  EXPECT_EQ(key("\"" + std::string(128, 'x') + "\""), std::string(128, 'x'));
  EXPECT_EQ(key("!$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "!$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
}

TEST(AnIdempotencyKey, MayBeMissing) {
  EXPECT_EQ(ReadIdempotencyKey(With({})).value(), std::nullopt);
}

TEST(AnIdempotencyKey, IsShortVisibleAsciiWithoutAHash) {
  for (const std::string& value :
       {std::string(), std::string("\"\""), std::string("a b"), std::string("a\tb"),
        std::string("k#1"), std::string("#"), std::string("\xc3\xa9"), std::string("\x7f"),
        std::string(129, 'x'), "\"" + std::string(129, 'x') + "\""}) {
    EXPECT_EQ(ReasonOf(ReadIdempotencyKey(With({{"idempotency-key", value}}))),
              "invalid-idempotency-key")
        << value;
  }
}

TEST(AnIdempotencyKey, ComesOnce) {
  EXPECT_EQ(
      ReasonOf(ReadIdempotencyKey(With({{"idempotency-key", "a"}, {"idempotency-key", "a"}}))),
      "invalid-idempotency-key");
}

// ---- Prefer

Result<Preferences> Prefer(Fields fields) { return ReadPreferences(With(fields), seconds(60)); }

TEST(APreference, IsReadFromAListInOneFieldOrSeveral) {
  EXPECT_EQ(Prefer({{"prefer", "wait=0"}})->wait, seconds(0));
  EXPECT_EQ(Prefer({{"prefer", "respond-async, wait=60"}})->wait, seconds(60));
  const auto both = Prefer({{"prefer", "Respond-Async"}, {"prefer", "WAIT=5; x=y"}});
  EXPECT_EQ(both->wait, seconds(5));
  EXPECT_TRUE(both->respond_async);
}

TEST(APreference, ThatMeansNothingHereIsIgnored) {
  const auto preferences =
      Prefer({{"prefer", "return=minimal, waiting=1, respond-async-ish, \"wait=1, wait=2\", ,"}});
  EXPECT_EQ(preferences->wait, std::nullopt);
  EXPECT_FALSE(preferences->respond_async);
}

TEST(APreference, ToWaitIsAWholeNumberOfSecondsGivenOnce) {
  for (const char* value :
       {"wait", "wait=", "wait=-1", "wait=61", "wait=1.5", "wait=1e1", "wait=0x1", "wait=01",
        "wait=+1", "wait=\"5\"", "wait=1, wait=1", "wait=18446744073709551617"}) {
    EXPECT_EQ(ReasonOf(Prefer({{"prefer", value}})), "invalid-preference") << value;
  }
  EXPECT_EQ(ReasonOf(Prefer({{"prefer", "wait=1"}, {"prefer", "wait=2"}})), "invalid-preference");
}

// ---- Bitacora-At-Least

TEST(ADemandedPosition, ComesInAListOfAtMostSixteen) {
  Position position;
  position.log_tag = 7;
  position.next[Partition(0)] = {Offset(3), 0};
  const std::string token = FormatPosition(position);
  std::string list = token;
  for (int i = 1; i < 16; ++i) list += ", " + token;
  EXPECT_EQ(ReadAtLeast(With({{"bitacora-at-least", list}}))->size(), 16u);
  EXPECT_EQ(ReadAtLeast(With({{"bitacora-at-least", token}, {"bitacora-at-least", token}}))->size(),
            2u);
  EXPECT_EQ(ReasonOf(ReadAtLeast(With({{"bitacora-at-least", list + "," + token}}))),
            "malformed-position");
  EXPECT_TRUE(ReadAtLeast(With({}))->empty());
}

TEST(ADemandedPosition, IsOneOfOurTokens) {
  for (const char* value : {"x", "earliest", "latest", "AAAA", "\"\"", "a b", "-1"}) {
    EXPECT_EQ(ReasonOf(ReadAtLeast(With({{"bitacora-at-least", value}}))), "malformed-position")
        << value;
  }
}

// ---- If-None-Match of a read

TEST(AKnownTag, IsFoundInAListComparedWeakly) {
  for (const char* value : {"\"7\"", "W/\"7\"", "\"1\", \"7\"", "*", "\"a,b\", W/\"7\""}) {
    EXPECT_TRUE(IfNoneMatchNames(With({{"if-none-match", value}}), "\"7\"")) << value;
  }
  for (const char* value : {"", "7", "\"77\"", "\"1\", \"2\"", "\"a, \"7\"", "w/\"7\""}) {
    EXPECT_FALSE(IfNoneMatchNames(With({{"if-none-match", value}}), "\"7\"")) << value;
  }
  EXPECT_TRUE(
      IfNoneMatchNames(With({{"if-none-match", "\"1\""}, {"if-none-match", "\"7\""}}), "\"7\""));
}

// ---- Accept

std::optional<std::size_t> Accept(const std::string& value) {
  return Negotiate(With({{"accept", value}}),
                   {"application/json", "application/cloudevents-batch+json"});
}

TEST(AnAcceptField, ChoosesWhatItPrefers) {
  EXPECT_EQ(Negotiate(With({}), {"application/json", "text/plain"}), 0u);
  EXPECT_EQ(Accept("*/*"), 0u);
  EXPECT_EQ(Accept("application/*"), 0u);
  EXPECT_EQ(Accept("application/json"), 0u);
  EXPECT_EQ(Accept("Application/CloudEvents-Batch+JSON"), 1u);
  EXPECT_EQ(Accept("application/json;q=0.5, application/cloudevents-batch+json;q=0.501"), 1u);
  EXPECT_EQ(Accept("*/*;q=0.1, application/json;q=0"), 1u);
  EXPECT_EQ(Accept("application/*, application/json;q=0.2"), 1u);
  EXPECT_EQ(Accept("application/json; charset=utf-8; q=1.000"), 0u);
  EXPECT_EQ(Accept("text/html;a=\"x,application/json\", */*"), 0u);
}

TEST(AnAcceptField, MayLeaveNothing) {
  for (const char* value : {"text/html", "application/xml", "*/*;q=0", "application/json;q=0.000",
                            "application", "/", "*", "application/jsonx", "application/json;q=x"}) {
    EXPECT_EQ(Accept(value), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace bitacora::api
