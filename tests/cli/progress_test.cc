#include "src/progress.h"

#include <gtest/gtest.h>

namespace bitacora::cli {
namespace {

using std::chrono::milliseconds;

TEST(CountsForPeople, HaveSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(AProgressLine, TellsRateAndTimeLeft) {
  EXPECT_EQ(FormatProgress({.done = 50'000, .fraction = 0.25}, "events", milliseconds(10'000)),
            " 25 % [#####               ] 50,000 events  5,000/s  0:30 left");
}

TEST(AProgressLine, TellsTheRateAloneWhereTheWholeIsUnknown) {
  EXPECT_EQ(FormatProgress({.done = 10, .fraction = {}}, "events", milliseconds(1000)),
            "10 events  10/s");
}

TEST(AProgressLine, StandsFractionsOutsideItsRange) {
  EXPECT_EQ(FormatProgress({.done = 1, .fraction = 7.0}, "x", milliseconds(1000)),
            "100 % [####################] 1 x  1/s  0:00 left");
  EXPECT_EQ(FormatProgress({.done = 0, .fraction = 0.0}, "x", milliseconds(0)),
            "  0 % [                    ] 0 x  0/s");
}

}  // namespace
}  // namespace bitacora::cli
