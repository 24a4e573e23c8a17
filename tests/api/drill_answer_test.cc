#include "src/drill_answer.h"

#include <gtest/gtest.h>

namespace bitacora::api {
namespace {

using consumers::DrillDifference;
using consumers::DrillReport;
using consumers::DrillState;

DrillReport Running() {
  DrillReport report;
  report.id = "d-1";
  report.topic = TopicName("orders");
  report.records = 3;
  report.records_total = 12;
  report.partitions = {{Partition(1), Offset(12), 5, "aa", {}, {}, {}}};
  return report;
}

TEST(AnswerAboutADrill, SaysNullOfWhatIsNotKnownYet) {
  EXPECT_EQ(DrillJson(Running()),
            R"({"id":"d-1","kind":"rebuild","topic":"orders","state":"running","records":3,)"
            R"("records_total":12,"eta_s":null,"partitions":[{"partition":1,"offset":"12",)"
            R"("documents":5,"kept":"aa","recomputed":null,"rebuilt":null,"equal":null}],)"
            R"("differences":[]})");
}

TEST(AnswerAboutADrill, NamesWhatDiffers) {
  DrillReport report = Running();
  report.state = DrillState::kDifferent;
  report.partitions = {{Partition(1), Offset(12), 5, "aa", "bb", "cc", false}};
  report.differences = {
      {Partition(1), "o\"1", DrillDifference::What::kMissing, "", "x\xff"},
      {Partition(1), std::nullopt, DrillDifference::What::kCursor, "next 2", "next 1"}};
  EXPECT_EQ(DrillJson(report),
            R"({"id":"d-1","kind":"rebuild","topic":"orders","state":"different","records":3,)"
            R"("records_total":12,"eta_s":null,"partitions":[{"partition":1,"offset":"12",)"
            R"("documents":5,"kept":"aa","recomputed":"bb","rebuilt":"cc","equal":false}],)"
            R"("differences":[{"partition":1,"key":"o\"1","what":"missing","kept":null,)"
            "\"rebuilt\":\"x\xEF\xBF\xBD\"},"
            R"({"partition":1,"what":"cursor","kept":"next 2","rebuilt":"next 1"}]})");
}

TEST(AnswerAboutADrill, SaysWhyItFailed) {
  DrillReport report = Running();
  report.state = DrillState::kFailed;
  report.error = "the disk is full";
  EXPECT_TRUE(DrillJson(report).ends_with(R"(,"error":"the disk is full"})"));
}

TEST(AnswerAboutADrill, SaysWhenItWillEnd) {
  DrillReport report = Running();
  report.eta_s = 7;
  EXPECT_NE(DrillJson(report).find(R"("eta_s":7)"), std::string::npos);
}

}  // namespace
}  // namespace bitacora::api
