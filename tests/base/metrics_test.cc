#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/base/metrics.h>

namespace bitacora {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ACounter, IsExposedWithHelpTypeAndValue) {
  Metrics metrics;
  metrics.GetCounter("bitacora_appends_total", "Appends answered.").Add();
  metrics.GetCounter("bitacora_appends_total", "Appends answered.").Add(2);
  EXPECT_THAT(metrics.Expose(), HasSubstr("# HELP bitacora_appends_total Appends answered.\n"
                                          "# TYPE bitacora_appends_total counter\n"
                                          "bitacora_appends_total 3\n"));
}

TEST(AMetricAskedForAgain, IsTheSame) {
  Metrics metrics;
  EXPECT_EQ(&metrics.GetCounter("bitacora_a_total", "A.", {{"verdict", "admitted"}}),
            &metrics.GetCounter("bitacora_a_total", "A.", {{"verdict", "admitted"}}));
  EXPECT_EQ(&metrics.GetGauge("bitacora_b_bytes", "B."),
            &metrics.GetGauge("bitacora_b_bytes", "B."));
  EXPECT_EQ(&metrics.GetHistogram("bitacora_c_seconds", "C.", {1}),
            &metrics.GetHistogram("bitacora_c_seconds", "C.", {1}));
}

TEST(Labels, PartOneMetricIntoLinesUnderOneHead) {
  Metrics metrics;
  metrics.GetCounter("bitacora_a_total", "A.", {{"verdict", "admitted"}}).Add(1);
  metrics.GetCounter("bitacora_a_total", "A.", {{"verdict", "conflict"}}).Add(2);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("bitacora_a_total{verdict=\"admitted\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bitacora_a_total{verdict=\"conflict\"} 2\n"));
  EXPECT_EQ(text.find("# TYPE"), text.rfind("# TYPE"));
}

TEST(Labels, CannotBreakOutOfTheirLine) {
  Metrics metrics;
  metrics.GetCounter("bitacora_a_total", "A.", {{"v", "x\"} 9\nforged 1\n\\"}}).Add(1);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, Not(HasSubstr("\nforged")));
  EXPECT_THAT(text, HasSubstr(R"(bitacora_a_total{v="x\"} 9\nforged 1\n\\"} 1)"));
}

TEST(AGauge, ShowsWhatItWasSetToLast) {
  Metrics metrics;
  Gauge& gauge = metrics.GetGauge("bitacora_lag_records", "Lag.");
  gauge.Set(7);
  gauge.Set(-2.5);
  EXPECT_THAT(metrics.Expose(), HasSubstr("\nbitacora_lag_records -2.5\n"));
}

TEST(AHistogram, CountsEachValueInItsBucketAndAllAbove) {
  Metrics metrics;
  Histogram& histogram = metrics.GetHistogram("bitacora_fold_seconds", "Fold.", {0.1, 1});
  for (const double seconds : {0.05, 0.5, 0.75, 20.0}) histogram.Observe(seconds);
  EXPECT_THAT(metrics.Expose(), HasSubstr("bitacora_fold_seconds_count 4\n"
                                          "bitacora_fold_seconds_sum 21.3\n"
                                          "bitacora_fold_seconds_bucket{le=\"0.1\"} 1\n"
                                          "bitacora_fold_seconds_bucket{le=\"1\"} 3\n"
                                          "bitacora_fold_seconds_bucket{le=\"+Inf\"} 4\n"));
}

TEST(BoundsOfLatency, RiseFromATenthOfAMillisecondToTenSeconds) {
  const std::vector<double>& bounds = LatencyBounds();
  EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
  EXPECT_EQ(bounds.front(), 0.0001);
  EXPECT_EQ(bounds.back(), 10);
}

}  // namespace
}  // namespace bitacora
