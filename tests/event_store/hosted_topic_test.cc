// When a partition takes appends: not while its fold is late, and a steady load is no lateness.
#include "src/store/hosted_topic.h"

#include <chrono>

#include <gtest/gtest.h>

#include <bitacora/base/deadline_timer.h>
#include <bitacora/event_store/event_store.h>

namespace bitacora::event_store {
namespace {

class APartitionThatIsCaughtUp : public testing::Test {
 protected:
  APartitionThatIsCaughtUp() { partition_.MetEnd(Offset(1), now_); }

  bool Accepts() { return partition_.Accepts(now_, options_).ok(); }
  void Pass(milliseconds time) { now_ += time; }

  Deadline now_ = Deadline(std::chrono::hours(1));
  const EventStoreOptions options_;
  DeadlineTimer timer_;
  HostedPartition partition_{
      {TopicName("orders"), Partition(0)}, {1, 0}, TopicKind::kOwned, 1, timer_};
};

TEST_F(APartitionThatIsCaughtUp, TakesAppendsAfterAnyPause) {
  Pass(std::chrono::minutes(10));
  EXPECT_TRUE(Accepts());
}

TEST_F(APartitionThatIsCaughtUp, TakesAppendsUnderALoadThatNeverLetsItsFoldRest) {
  for (std::int64_t offset = 1; offset < 100; ++offset) {
    partition_.Acknowledged(Offset(offset));
    ASSERT_TRUE(Accepts()) << "at " << offset;
    Pass(milliseconds(100));
    partition_.Applied(Offset(offset), offset, now_);
  }
}

TEST_F(APartitionThatIsCaughtUp, RefusesAppendsOnceItsFoldIsLate) {
  partition_.Acknowledged(Offset(1));
  EXPECT_TRUE(Accepts());
  Pass(options_.fold_lag_max);
  EXPECT_TRUE(Accepts());
  Pass(milliseconds(1));
  EXPECT_FALSE(Accepts());
  partition_.Applied(Offset(2), 1, now_);
  EXPECT_TRUE(Accepts());
}

TEST_F(APartitionThatIsCaughtUp, RefusesAppendsWhileItsFoldLagsByMoreRecordsThanAllowed) {
  partition_.Acknowledged(Offset(options_.fold_lag_records_max));
  EXPECT_TRUE(Accepts());
  partition_.Acknowledged(Offset(options_.fold_lag_records_max + 1));
  EXPECT_FALSE(Accepts());
}

}  // namespace
}  // namespace bitacora::event_store
