// When a partition takes appends: not while its fold is late, and a steady load is no lateness.
// When a topic may be read: not before what the log had of it is folded.
#include "src/store/hosted_topic.h"

#include <chrono>
#include <map>
#include <memory>
#include <vector>

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

/// As after a start: two of three partitions have records that are not folded.
class ATopicThatIsHosted : public testing::Test {
 protected:
  ATopicThatIsHosted() {
    for (int number = 0; number < 3; ++number) {
      const TopicPartition at{TopicName("orders"), Partition(number)};
      topic_.partitions.push_back(std::make_shared<HostedPartition>(
          at, PartitionKey{1, number}, TopicKind::kOwned, topic_.log_tag, timer_));
      partition(number).Applied(Offset(10), 9, now_);
      partition(number).KnowEnd(Offset(10 + number));
    }
  }

  static TopicDescription ThreePartitions() {
    TopicDescription description;
    description.name = TopicName("orders");
    description.partitions = 3;
    return description;
  }
  HostedPartition& partition(int number) { return *topic_.Find(Partition(number)); }
  std::vector<Partition> CatchingUp() {
    std::vector<Partition> partitions;
    for (const auto& [partition, place] : topic_.CatchingUpTo().next) {
      partitions.push_back(partition);
    }
    return partitions;
  }

  const Deadline now_ = Deadline(std::chrono::hours(1));
  DeadlineTimer timer_;
  HostedTopic topic_{ThreePartitions(), TopicKind::kOwned, "a log", timer_};
};

TEST_F(ATopicThatIsHosted, CatchesUpToTheEndOfTheLogWhereItIsNotFolded) {
  const Position to = topic_.CatchingUpTo();
  EXPECT_EQ(to.log_tag, topic_.log_tag);
  EXPECT_EQ(to.next, (std::map<Partition, PartitionPosition>{{Partition(1), {Offset(11), 0}},
                                                             {Partition(2), {Offset(12), 0}}}));
  partition(1).Applied(Offset(11), 10, now_);
  partition(2).Applied(Offset(11), 10, now_);
  EXPECT_EQ(CatchingUp(), std::vector<Partition>{Partition(2)});
  partition(2).Applied(Offset(12), 11, now_);
  EXPECT_EQ(CatchingUp(), std::vector<Partition>());
}

TEST_F(ATopicThatIsHosted, HasCaughtUpWhereTheLogEndsWithoutRecords) {
  partition(1).MetEnd(Offset(11), now_);
  partition(2).MetEnd(Offset(12), now_);
  EXPECT_EQ(CatchingUp(), std::vector<Partition>());
}

TEST_F(ATopicThatIsHosted, HasCaughtUpForGood) {
  partition(1).Applied(Offset(11), 10, now_);
  partition(2).Applied(Offset(12), 11, now_);
  ASSERT_EQ(CatchingUp(), std::vector<Partition>());
  partition(1).KnowEnd(Offset(20));
  EXPECT_EQ(CatchingUp(), std::vector<Partition>());
}

TEST_F(ATopicThatIsHosted, DoesNotCatchUpWhereItHasAProblem) {
  partition(1).SetProblem("log-head-lost", "it is gone");
  EXPECT_EQ(CatchingUp(), std::vector<Partition>{Partition(2)});
}

}  // namespace
}  // namespace bitacora::event_store
