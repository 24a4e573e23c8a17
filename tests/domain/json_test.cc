#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/json.h>

#include "support/seed.h"

namespace bitacora {
namespace {

using testing::Below;
using Json = nlohmann::json;

std::string Nested(int depth, char open, char close) {
  const auto size = static_cast<std::size_t>(depth);
  return std::string(size, open) + std::string(size, close);
}

/// "JSON, byte 3: …" → 3.
std::size_t ByteOf(const Error& error) {
  const std::string& message = error.message();
  return std::stoul(message.substr(message.find("byte ") + 5));
}

// ---- A second opinion: nlohmann's parser, with what we ask beyond RFC 8259 on top of it

class Oracle : public nlohmann::json_sax<Json> {
 public:
  static bool Accepts(const std::string& text, const JsonLimits& limits = {}) {
    // nlohmann passes over a byte order mark and takes a NUL for the end.
    if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string::npos) return false;
    Oracle oracle(limits);
    return Json::sax_parse(text, &oracle);
  }

  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const string_t&) override { return Count(); }
  bool string(string_t&) override { return Count(); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Begin(); }
  bool start_array(std::size_t) override { return Begin(); }
  bool end_object() override { return End(); }
  bool end_array() override { return End(); }
  bool key(string_t& name) override {
    return name.find('\0') == std::string::npos && names_.back().insert(name).second;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  explicit Oracle(const JsonLimits& limits) : limits_(limits) {}
  bool Count() { return ++values_ <= limits_.values_max; }
  bool Begin() {
    names_.emplace_back();
    return Count() && static_cast<int>(names_.size()) <= limits_.depth_max;
  }
  bool End() {
    names_.pop_back();
    return true;
  }

  const JsonLimits limits_;
  std::vector<std::set<std::string>> names_;
  std::size_t values_ = 0;
};

const std::vector<std::string>& GoodTexts() {
  static const std::vector<std::string> texts{
      "0",
      "-0",
      "-0.0e-0",
      "1.5E+10",
      "12345678901234567890123",
      "1e308",
      "1.7976931348623157e308",
      "1e-400",
      "0e999999999999999999999",
      "0.000e99999",
      "-1E-99999999999999999999",
      "true",
      "false",
      "null",
      "\"\"",
      "[]",
      "{}",
      " [ ] ",
      "\t\r\n{ }\n",
      R"([1,"a",null,{"b":[true,false]}])",
      R"({"a":{"a":{"a":1}}})",
      R"({"":0,"a":1})",
      R"("\" \\ \/ \b \f \n \r \t \u00e9 \u0000 \ud83d\ude00 \uFFFF")",
      "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x9A\xA2 \x7F\"",
      R"({"a":1,"A":2,"\u00e1":3})",
      R"(["a","a"])"};
  return texts;
}

const std::vector<std::string>& BadTexts() {
  static const std::vector<std::string> texts{
      "",
      " ",
      "tru",
      "True",
      "nul",
      "nullx",
      "NaN",
      "Infinity",
      "-",
      "+1",
      "01",
      "-01",
      "1.",
      ".5",
      "1e",
      "1e+",
      "1.e1",
      "0x10",
      "1_000",
      "1e400",
      "-1e400",
      "1.7976931348623159e308",
      "1e309",
      "[",
      "]",
      "{",
      "}",
      "[1",
      "[1,",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{\"a\"",
      "{\"a\":",
      "{\"a\":1",
      "{\"a\":1,",
      "{\"a\":1,}",
      "{,}",
      "{a:1}",
      "{'a':1}",
      "{1:1}",
      "{\"a\" 1}",
      "{\"a\":1 \"b\":2}",
      "[}",
      "{]",
      "[1}",
      "1 2",
      "[] []",
      "{}x",
      "// c\n1",
      "\"",
      "\"a",
      "\"\\\"",
      "\"\\",
      "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\\x41\"",
      "\"\\'\"",
      "\"\n\"",
      "\"\t\"",
      "\"\x1F\"",
      R"("\ud800")",
      R"("\udc00")",
      R"("\ud800\ud800")",
      R"("\ud800x")",
      R"("\ud800\n")",
      R"("\udc00\ud800")",
      R"("\ud83d\u0041")",
      "\"\xFF\"",
      "\"\xC0\xAF\"",
      "\"\xED\xA0\x80\"",
      "\"\xF4\x90\x80\x80\"",
      "\"\xC3\"",
      "\"\xC3",
      "\xEF\xBB\xBF{}",
      "\xEF\xBB\xBF",
      std::string("\0", 1),
      std::string("1\0", 2),
      std::string("\"\0\"", 3),
      std::string("{\"a\0\":1}", 8),
      "\xA0"
      "1",
      "1\xC2\xA0",
      R"({"a":1,"a":2})",
      R"({"a":1,"b":2,"\u0061":3})",
      R"({"é":1,"\u00e9":2})",
      R"({"x":{"a":1,"b":{},"a":2}})",
      R"([{"a":1,"a":1}])",
      R"({"a\u0000b":1})",
      R"({"\ud83d\ude00":1,"😀":2})",
      R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"c":11})"};
  return texts;
}

TEST(JsonText, IsTakenWhereEveryReaderUnderstandsItAlike) {
  for (const std::string& text : GoodTexts()) {
    const Status status = CheckJson(text);
    EXPECT_TRUE(status.ok()) << text << ": " << status.error().message();
  }
}

TEST(JsonText, IsRefusedOtherwise) {
  for (const std::string& text : BadTexts()) {
    const Status status = CheckJson(text);
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(status.error().reason(), "malformed-json");
  }
}

TEST(JsonText, IsJudgedAsByAnotherParserWhatIsHandPicked) {
  for (const std::string& text : GoodTexts()) EXPECT_TRUE(Oracle::Accepts(text)) << text;
  for (const std::string& text : BadTexts()) EXPECT_FALSE(Oracle::Accepts(text)) << text;
}

TEST(JsonText, HasItsErrorAtTheByte) {
  EXPECT_EQ(ByteOf(CheckJson("[1,x]").error()), 3u);
  EXPECT_EQ(ByteOf(CheckJson("[1").error()), 2u);
  EXPECT_EQ(ByteOf(CheckJson("\"ab\x01\"").error()), 3u);
}

TEST(JsonText, MayBeNested64DeepAndNoDeeper) {
  EXPECT_TRUE(CheckJson(Nested(64, '[', ']')).ok());
  EXPECT_FALSE(CheckJson(Nested(65, '[', ']')).ok());
  EXPECT_FALSE(CheckJson(Nested(100'000, '[', ']')).ok());
  EXPECT_FALSE(CheckJson(std::string(10'000'000, '[')).ok());
  std::string objects = "1";
  for (int depth = 0; depth < 64; ++depth) objects = "{\"a\":" + objects + "}";
  EXPECT_TRUE(CheckJson(objects).ok());
  EXPECT_FALSE(CheckJson("[" + objects + "]").ok());
  EXPECT_TRUE(CheckJson("[]", {.depth_max = 1}).ok());
  EXPECT_FALSE(CheckJson("[[]]", {.depth_max = 1}).ok());
}

TEST(JsonText, MayHoldSoManyValuesAndNoMore) {
  std::string arrays = "[[]";
  for (int i = 1; i < 330'000; ++i) arrays += ",[]";
  EXPECT_FALSE(CheckJson(arrays + "]").ok());
  EXPECT_TRUE(CheckJson(arrays + "]", {.values_max = 330'001}).ok());
  EXPECT_FALSE(CheckJson(arrays + "]", {.values_max = 330'000}).ok());
}

TEST(JsonText, MayHaveManyNamesThatAreMuchAlike) {
  std::string object = "{";
  for (int i = 0; i < 90'000; ++i) {
    object += "\"a-rather-long-name-" + std::to_string(1'000'000 + i) + "\":0,";
  }
  EXPECT_TRUE(CheckJson(object + "\"last\":0}").ok());
  EXPECT_FALSE(CheckJson(object + "\"a-rather-long-name-1000077\":0}").ok());
}

// ---- Differential tests

std::string RandomText(std::mt19937_64& random, int depth) {
  static const std::vector<std::string> scalars{"0",
                                                "-1",
                                                "1.5",
                                                "1e5",
                                                "1e307",
                                                "1e308",
                                                "1e309",
                                                "1e-310",
                                                "true",
                                                "false",
                                                "null",
                                                "\"\"",
                                                "\"a\"",
                                                "\"\\u0061\"",
                                                "\"\\ud83d\\ude00\"",
                                                "\"\xC3\xA9\"",
                                                "123456789012345678901234567890"};
  static const std::vector<std::string> names{"a",       "b", "\\u0061",  "\xC3\xA9",
                                              "\\u00e9", "",  "long name"};
  static const std::vector<std::string> spaces{"", "", "", " ", "\n", "\t ", "\r\n"};
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[Below(random, from.size())];
  };
  const std::size_t dice = depth > 5 ? 0 : Below(random, 3);
  if (dice == 0) return pick(spaces) + pick(scalars) + pick(spaces);
  std::string text(1, dice == 1 ? '[' : '{');
  const std::size_t size = Below(random, 5);
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) text += ",";
    if (dice == 2) text += pick(spaces) + '"' + pick(names) + '"' + pick(spaces) + ":";
    text += RandomText(random, depth + 1);
  }
  return pick(spaces) + text + pick(spaces) + (dice == 1 ? "]" : "}") + pick(spaces);
}

void Mutate(std::mt19937_64& random, std::string* text) {
  static const std::string bytes =
      "{}[]\",:\\ \n\t0123456789eE.+-truefalsn/bd8\xC3\xA9\xEF\xBB\xBF\x01\xFF";
  const std::size_t at = Below(random, text->size() + 1);
  switch (Below(random, 4)) {
    case 0:
      text->insert(at, 1, bytes[Below(random, bytes.size())]);
      break;
    case 1:
      text->erase(at, 1 + Below(random, 3));
      break;
    case 2:
      if (at < text->size()) (*text)[at] = bytes[Below(random, bytes.size())];
      break;
    default:
      text->insert(at, text->substr(Below(random, text->size() + 1), 1 + Below(random, 8)));
  }
}

TEST(JsonText, IsJudgedAsByAnotherParserWhateverItIs) {
  const std::uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text = RandomText(random, 0);
    for (std::size_t mutations = Below(random, 3); mutations > 0; --mutations)
      Mutate(random, &text);
    const bool expected = Oracle::Accepts(text);
    ASSERT_EQ(CheckJson(text).ok(), expected) << "seed " << seed << ": " << text;
    accepted += expected;
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_LT(accepted, 50'000);
}

// ---- Parts

TEST(TheMembersOfAnObject, AreItsNamesAndTheBytesOfItsValues) {
  const auto members = JsonObjectMembers(R"( { "a" : [1, 2 ] ,"\u0062":"x" , "c":{"a":1}} )");
  ASSERT_TRUE(members.ok());
  ASSERT_EQ(members->size(), 3u);
  EXPECT_EQ((*members)[0].name, "a");
  EXPECT_EQ((*members)[0].value, "[1, 2 ]");
  EXPECT_EQ((*members)[1].name, "b");
  EXPECT_EQ((*members)[1].value, "\"x\"");
  EXPECT_EQ((*members)[2].value, R"({"a":1})");
}

TEST(TheMembersOfAnObject, AreRefusedWhereItIsNone) {
  for (const char* const text :
       {"", "[]", "1", "{\"a\":1,\"a\":2}", "{\"a\":1", "{} {}", "{\"a\":{\"b\":1,\"b\":1}}"}) {
    EXPECT_EQ(JsonObjectMembers(text).error().reason(), "malformed-json") << text;
  }
  EXPECT_TRUE(JsonObjectMembers("{}").ok());
}

TEST(TheElementsOfAnArray, AreTheBytesThatStandThere) {
  const auto elements = JsonArrayElements(" [ 1 , [ ] ,{\"a\": 2}]");
  ASSERT_TRUE(elements.ok());
  EXPECT_EQ(*elements, (std::vector<std::string_view>{"1", "[ ]", "{\"a\": 2}"}));
  EXPECT_TRUE(JsonArrayElements("[]")->empty());
  for (const char* const text : {"", "{}", "[1,]", "[1", "[1] 2"}) {
    EXPECT_FALSE(JsonArrayElements(text).ok()) << text;
  }
}

TEST(AJsonString, StandsForItsText) {
  EXPECT_EQ(*JsonString(R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u20AC")"),
            "a\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80\xE2\x82\xAC");
  EXPECT_EQ(*JsonString("\"\""), "");
  for (const char* const text : {"", "1", "\"a", "\"a\"b", "\"\\ud800\""}) {
    EXPECT_FALSE(JsonString(text).ok()) << text;
  }
}

TEST(ATextWrittenAsAJsonString, IsReadBackAsItWas) {
  const std::uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t size = Below(random, 40); size > 0; --size) {
      text.push_back(static_cast<char>(Below(random, Below(random, 8) == 0 ? 256 : 128)));
    }
    std::string json;
    AppendJsonString(&json, text);
    const Json parsed = Json::parse(json, nullptr, false);
    ASSERT_TRUE(parsed.is_string()) << "seed " << seed;
    ASSERT_TRUE(CheckJson(json).ok()) << "seed " << seed;
    if (IsUtf8(text)) {
      ASSERT_EQ(parsed.get<std::string>(), text) << "seed " << seed;
      ASSERT_EQ(*JsonString(json), text) << "seed " << seed;
    }
  }
}

TEST(ATextWrittenAsAJsonString, HasAReplacementForBytesThatAreNoUtf8) {
  std::string json;
  AppendJsonString(&json,
                   "a\xFF"
                   "b\xE2\x82");
  EXPECT_EQ(json,
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace bitacora
