// Paths and queries: decoded once, and nothing is guessed.
#include "src/uri.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(APercentSign, StandsForAByteOnce) {
  EXPECT_EQ(PercentDecode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(PercentDecode("%252e"), "%2e");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
  EXPECT_EQ(PercentDecode("%fF"), "\xff");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode(""), "");
}

TEST(APercentSign, HasTwoHexadecimalDigits) {
  for (const char* text : {"%", "%2", "a%", "%g0", "%0g", "% 1", "%-1", "%+1", "%%41", "%u0041"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
}

TEST(AnyBytes, ComeBackFromTheirEncoding) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const std::string encoded = PercentEncode(all);
  EXPECT_EQ(encoded.find_first_not_of("%-._~0123456789abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            std::string::npos);
  EXPECT_EQ(PercentDecode(encoded), all);
}

TEST(AQuery, IsTakenApart) {
  auto query = QueryParameters::Parse("a=1&&b=x%26y%3Dz&c=1+2&d&=e&a=2");
  ASSERT_TRUE(query.ok());
  EXPECT_THAT(query->TakeAll("a"), ElementsAre("1", "2"));
  EXPECT_EQ(query->Take("b").value(), "x&y=z");
  EXPECT_EQ(query->Take("c").value(), "1 2");
  EXPECT_EQ(query->Take("d").value(), "");
  EXPECT_EQ(query->Take("").value(), "e");
  EXPECT_TRUE(query->Finish().ok());
  EXPECT_EQ(query->Take("a").value(), std::nullopt);
}

TEST(AQuery, IsUtf8) {
  for (const char* text : {"a=%ff", "%ff=a", "a=%c0%af", "a=%ed%a0%80", "a=%", "%x=1"}) {
    const auto query = QueryParameters::Parse(text);
    ASSERT_FALSE(query.ok()) << text;
    EXPECT_EQ(query.error().reason(), "invalid-parameter") << text;
  }
}

TEST(AQuery, HasNothingThatIsNotKnown) {
  EXPECT_TRUE(QueryParameters::Parse("")->Finish().ok());
  for (const char* text : {"a", "a=", "=", "Limit=1"}) {
    auto query = QueryParameters::Parse(text);
    ASSERT_TRUE(query.ok());
    EXPECT_EQ(query->TakeNumber("limit", 1, 9).value(), std::nullopt);
    const Status status = query->Finish();
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.error().reason(), "invalid-parameter");
  }
}

TEST(AParameter, ComesOnceWhereItHasOneValue) {
  auto query = QueryParameters::Parse("a=1&a=1");
  const auto value = query->Take("a");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().reason(), "invalid-parameter");
}

Result<std::optional<std::int64_t>> Number(const std::string& text, std::int64_t max) {
  auto query = QueryParameters::Parse("n=" + text);
  return query->TakeNumber("n", 1, max);
}

TEST(ANumber, IsDigitsWithinItsRange) {
  EXPECT_EQ(Number("1", 1000).value(), 1);
  EXPECT_EQ(Number("1000", 1000).value(), 1000);
  EXPECT_EQ(Number("9223372036854775807", INT64_MAX).value(), INT64_MAX);
  for (const char* text :
       {"", "0", "1001", "-1", "%2B1", "+1", "1+", "01", "1.0", "1e3", "0x10", "1_0", "%EF%BC%91",
        "9223372036854775808", "18446744073709551617", "99999999999999999999999"}) {
    EXPECT_FALSE(Number(text, text[0] == '9' ? INT64_MAX : 1000).ok()) << text;
  }
}

}  // namespace
}  // namespace bitacora::api
