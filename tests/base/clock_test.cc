#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <bitacora/base/clock.h>

namespace bitacora {
namespace {

using std::string_literals::operator""s;

constexpr std::int64_t kMarchNoonMs = 1'772'366'400'123;  // 2026-03-01T12:00:00.123Z

TEST(FormattingATime, GivesUtcWithMilliseconds) {
  EXPECT_EQ(FormatRfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(kMarchNoonMs), "2026-03-01T12:00:00.123Z");
  EXPECT_EQ(FormatRfc3339(951'782'400'000), "2000-02-29T00:00:00.000Z");
}

TEST(FormattingATime, WorksBefore1970) { EXPECT_EQ(FormatRfc3339(-1), "1969-12-31T23:59:59.999Z"); }

/// Records of others may have any number for a time.
TEST(FormattingATime, StaysWithinFourDigitsOfAYear) {
  constexpr std::int64_t kYearZeroMs = -62'167'219'200'000;
  constexpr std::int64_t kYear9999EndMs = 253'402'300'799'999;
  EXPECT_EQ(FormatRfc3339(kYearZeroMs), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(kYearZeroMs - 1), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(INT64_MIN), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(kYear9999EndMs), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(kYear9999EndMs + 1), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(INT64_MAX), "9999-12-31T23:59:59.999Z");
}

TEST(ParsingATime, BringsBackWhatWasFormatted) {
  for (const std::int64_t ms :
       {std::int64_t{0}, std::int64_t{-1}, kMarchNoonMs, std::int64_t{-62'135'596'800'000},
        std::int64_t{253'402'300'799'999}}) {
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(ms)), ms);
  }
}

TEST(ParsingATime, TakesAnyOffset) {
  for (const char* same : {"2026-03-01T12:00:00.123Z", "2026-03-01T17:30:00.123+05:30",
                           "2026-03-01T04:00:00.123-08:00", "2026-03-01T12:00:00.123-00:00",
                           "2026-03-02T11:59:00.123+23:59", "2026-03-01t12:00:00.123z"}) {
    EXPECT_EQ(ParseRfc3339(same), kMarchNoonMs) << same;
  }
}

TEST(ParsingATime, CutsWhatIsFinerThanMilliseconds) {
  const std::string zeros(100, '0');
  for (const std::string& fraction :
       {".123"s, ".1230"s, ".123999999999999999999"s, ".123" + zeros}) {
    EXPECT_EQ(ParseRfc3339("2026-03-01T12:00:00" + fraction + "Z"), kMarchNoonMs) << fraction;
  }
  EXPECT_EQ(ParseRfc3339("2026-03-01T12:00:00Z"), kMarchNoonMs - 123);
  EXPECT_EQ(ParseRfc3339("2026-03-01T12:00:00.1Z"), kMarchNoonMs - 23);
}

TEST(ParsingATime, LetsALeapSecondBeTheNextSecond) {
  EXPECT_EQ(ParseRfc3339("2016-12-31T23:59:60Z"), ParseRfc3339("2017-01-01T00:00:00Z"));
}

class TextThatIsNoTime : public testing::TestWithParam<std::string> {};

TEST_P(TextThatIsNoTime, IsRefused) { EXPECT_EQ(ParseRfc3339(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(
    Clock, TextThatIsNoTime,
    testing::Values("", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00Z",
                    "2026-3-1T12:00:00Z", "26-03-01T12:00:00Z", "2026-03-01T12:00:00.Z",
                    "2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00Zz", "2026-03-01T12:00:00+0530",
                    "2026-03-01T12:00:00+05", "2026-03-01T12:00:00+24:00",
                    "2026-03-01T12:00:00+05:60", "2026-00-01T12:00:00Z", "2026-13-01T12:00:00Z",
                    "2026-02-29T12:00:00Z", "2026-04-31T12:00:00Z", "2026-03-00T12:00:00Z",
                    "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:61Z",
                    "+026-03-01T12:00:00Z", "2026-03-01T-2:00:00Z", " 2026-03-01T12:00:00Z",
                    "2026/03/01T12:00:00Z", "2026-03-01_12:00:00Z", "2026-03-01T12.00.00Z",
                    "2026-03-01T12:00:00Z\0"s, "2026-03-01T12:00:00Z "));

TEST(TheMachinesClock, NeverGoesBackForDeadlines) {
  const Deadline before = SystemClock().Now();
  EXPECT_LE(before, SystemClock().Now());
}

TEST(TheMachinesClock, CountsMillisecondsSince1970) {
  EXPECT_GT(SystemClock().WallMs(), kMarchNoonMs - 400LL * 24 * 3600 * 1000);
}

}  // namespace
}  // namespace bitacora
