#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/base/log.h>

namespace bitacora {
namespace {

using std::string_literals::operator""s;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kTime[] = "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z";

/// What `write` leaves on stderr at `level`, in `format`. The log is one for the process: each test
/// says anew what it wants of it.
std::string Written(LogLevel level, LogFormat format, const std::function<void()>& write) {
  ConfigureLog(level, format);
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}
std::string Text(const std::function<void()>& write) {
  return Written(LogLevel::kDebug, LogFormat::kText, write);
}
std::string Json(const std::function<void()>& write) {
  return Written(LogLevel::kDebug, LogFormat::kJson, write);
}

TEST(ALineOfText, HasTimeLevelMessageAndFields) {
  const std::string line = Text([] {
    LogWarning("topic is behind", {{"topic", "orders"}, {"records", std::int64_t{7}}});
  });
  EXPECT_THAT(line, MatchesRegex(kTime + " warning topic is behind topic=orders records=7\n"s));
}

TEST(ALineOfText, QuotesValuesThatCouldBeMistaken) {
  const std::string line = Text([] {
    LogInfo("m",
            {{"a", ""}, {"b", "x y"}, {"c", "k=v"}, {"d", "say \"hi\""}, {"e", "back\\slash"}});
  });
  EXPECT_THAT(line, HasSubstr(R"( a="" b="x y" c="k=v" d="say \"hi\"" e="back\\slash")"));
}

TEST(AValue, CannotForgeALine) {
  const std::string evil = "x\n2026-01-01T00:00:00.000Z error forged\r\t\0\x1B[31m\x7F"s;
  const auto write = [&evil] { LogInfo("m", {{"v", evil}}); };
  const std::string escaped =
      R"(x\u000a2026-01-01T00:00:00.000Z error forged\u000d\u0009\u0000\u001b[31m\u007f")";
  for (const std::string& line : {Text(write), Json(write)}) {
    EXPECT_THAT(line, HasSubstr(escaped));
    EXPECT_EQ(line.find('\n'), line.size() - 1);
  }
}

TEST(AMessage, CannotForgeALineEither) {
  EXPECT_THAT(Text([] { LogInfo("a\nb"); }), HasSubstr(R"(info a\u000ab)"));
}

TEST(ALineOfJson, IsOneObjectOfStrings) {
  const std::string line = Json([] {
    LogError("no \"such\" file", {{"file", "a\\b"}, {"errno", std::int64_t{-2}}});
  });
  EXPECT_THAT(line, MatchesRegex("\\{\"time\":\""s + kTime +
                                 R"(","level":"error","message":"no \\"such\\" file",)" +
                                 R"("file":"a\\\\b","errno":"-2"\})" + "\n"));
}

TEST(ALevel, SilencesThoseBelowIt) {
  const auto write = [] {
    LogDebug("d");
    LogInfo("i");
    LogWarning("w");
    LogError("e");
  };
  const auto lines = [&write](LogLevel level) {
    const std::string text = Written(level, LogFormat::kText, write);
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(LogLevel::kDebug), 4);
  EXPECT_EQ(lines(LogLevel::kInfo), 3);
  EXPECT_EQ(lines(LogLevel::kWarning), 2);
  EXPECT_EQ(lines(LogLevel::kError), 1);
}

}  // namespace
}  // namespace bitacora
