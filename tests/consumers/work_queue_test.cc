#include "src/work_queue.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace bitacora::consumers {
namespace {

TopicPartition At(std::int32_t partition) { return {TopicName("orders"), Partition(partition)}; }

TEST(AWorkQueue, IsFirstComeFirstServed) {
  WorkQueue queue;
  queue.Add(At(2));
  queue.Add(At(0));
  EXPECT_EQ(queue.Take(), At(2));
  EXPECT_EQ(queue.Take(), At(0));
}

TEST(AWorkQueue, HoldsAPartitionOnceHoweverOftenItIsAdded) {
  WorkQueue queue;
  queue.Add(At(0));
  queue.Add(At(0));
  queue.Add(At(1));
  EXPECT_EQ(queue.Take(), At(0));
  EXPECT_EQ(queue.Take(), At(1));
}

TEST(AWorkQueue, GivesAPartitionToNobodyElseWhileAWorkerIsAtIt) {
  WorkQueue queue;
  queue.Add(At(0));
  ASSERT_EQ(queue.Take(), At(0));
  queue.Add(At(0));
  queue.Add(At(1));
  EXPECT_EQ(queue.Take(), At(1)) << "partition 0 has its worker";
}

TEST(AWorkQueue, GivesAPartitionAgainThatWasAddedWhileAWorkerWasAtIt) {
  WorkQueue queue;
  queue.Add(At(0));
  ASSERT_EQ(queue.Take(), At(0));
  queue.Add(At(0));
  queue.Done(At(0), WorkQueue::Left::kNothing);
  EXPECT_EQ(queue.Take(), At(0));
}

TEST(AWorkQueue, HasAllWorkersAtWhatHasMoreToDo) {
  WorkQueue queue;
  queue.Add(At(0));
  queue.Add(At(1));
  ASSERT_EQ(queue.Take(), At(0));
  ASSERT_EQ(queue.Take(), At(1));
  std::vector<std::jthread> workers;
  for (int i = 0; i < 2; ++i) {
    // Neither is done before both have something.
    workers.emplace_back([&] { EXPECT_TRUE(queue.Take().has_value()); });
  }
  queue.Done(At(0), WorkQueue::Left::kMore);
  queue.Done(At(1), WorkQueue::Left::kMore);
}

TEST(AWorkQueue, PutsAPartitionWithMoreToDoBehindTheOthers) {
  WorkQueue queue;
  queue.Add(At(0));
  queue.Add(At(1));
  ASSERT_EQ(queue.Take(), At(0));
  queue.Done(At(0), WorkQueue::Left::kMore);
  EXPECT_EQ(queue.Take(), At(1));
  EXPECT_EQ(queue.Take(), At(0));
}

TEST(AWorkQueue, TakesAFinishedPartitionAnew) {
  WorkQueue queue;
  for (int round = 0; round < 3; ++round) {
    queue.Add(At(0));
    ASSERT_EQ(queue.Take(), At(0));
    queue.Done(At(0), WorkQueue::Left::kNothing);
  }
}

class ManualClock final : public Clock {
 public:
  std::int64_t WallNs() const override { return 0; }
  Deadline Now() const override { return now_; }
  void Advance(milliseconds by) { now_ += by; }

 private:
  Deadline now_;
};

/// Far beyond any test: what waits for it hangs.
constexpr std::chrono::hours kForever{1};

TEST(AWorkQueueThatGathers, GivesWhatWasAddedWhenItsTimeHasCome) {
  WorkQueue queue(milliseconds(20));
  queue.Add(At(0));
  EXPECT_EQ(queue.Take(), At(0));
}

TEST(AWorkQueueThatGathers, DoesNotWaitWhileSomebodyIsInAHurry) {
  const auto queue = std::make_shared<WorkQueue>(kForever);
  const WorkQueue::Hurry hurry = WorkQueue::BeginHurry(queue);
  queue->Add(At(0));
  EXPECT_EQ(queue->Take(), At(0));
}

TEST(AWorkQueueThatGathers, LetsAWorkerGoOnWhenSomebodyComesInAHurry) {
  const auto queue = std::make_shared<WorkQueue>(kForever);
  queue->Add(At(0));
  std::jthread worker([&] { EXPECT_EQ(queue->Take(), At(0)); });
  const WorkQueue::Hurry hurry = WorkQueue::BeginHurry(queue);
  worker.join();
}

TEST(AWorkQueueThatGathers, GivesWithTheFirstWhatCameMeanwhile) {
  const auto queue = std::make_shared<WorkQueue>(kForever);
  queue->Add(At(0));
  queue->Add(At(1));
  {
    const WorkQueue::Hurry hurry = WorkQueue::BeginHurry(queue);
    EXPECT_EQ(queue->Take(), At(0));
  }
  EXPECT_EQ(queue->Take(), At(1));
}

TEST(AWorkQueueThatGathers, DoesNotWaitForWhatIsLeftOfAPartition) {
  const auto queue = std::make_shared<WorkQueue>(kForever);
  queue->Add(At(0));
  {
    const WorkQueue::Hurry hurry = WorkQueue::BeginHurry(queue);
    ASSERT_EQ(queue->Take(), At(0));
  }
  queue->Done(At(0), WorkQueue::Left::kMore);
  EXPECT_EQ(queue->Take(), At(0));
}

/// A turn took 40 ms, and partitions 0 and 1 are taken in the next.
class ABusyWorkQueue : public ::testing::Test {
 protected:
  ABusyWorkQueue() {
    queue_->Add(At(0));
    clock_.Advance(milliseconds(5));
    EXPECT_EQ(queue_->Take(), At(0));
    clock_.Advance(milliseconds(40));
    queue_->Done(At(0), WorkQueue::Left::kNothing);
    queue_->Add(At(0));
    queue_->Add(At(1));
    clock_.Advance(milliseconds(5));
    EXPECT_EQ(queue_->Take(), At(0));
    EXPECT_EQ(queue_->Take(), At(1));
  }

  /// Partition 1 goes to the end of what may be taken: what is taken now?
  std::optional<TopicPartition> TakeWithPartition1AtTheEnd() {
    queue_->Done(At(1), WorkQueue::Left::kMore);
    return queue_->Take();
  }

  ManualClock clock_;
  std::shared_ptr<WorkQueue> queue_ = std::make_shared<WorkQueue>(milliseconds(5), clock_);
};

TEST_F(ABusyWorkQueue, GathersLonger) {
  queue_->Add(At(2));
  clock_.Advance(milliseconds(49));
  EXPECT_EQ(TakeWithPartition1AtTheEnd(), At(1));
}

TEST_F(ABusyWorkQueue, GathersNoShorterForAPartitionThatIsDoneFirst) {
  queue_->Add(At(1));
  queue_->Done(At(1), WorkQueue::Left::kNothing);
  clock_.Advance(milliseconds(49));
  queue_->Done(At(0), WorkQueue::Left::kMore);
  EXPECT_EQ(queue_->Take(), At(0));
}

TEST_F(ABusyWorkQueue, GathersTenTimesAsLongAtMost) {
  queue_->Add(At(2));
  clock_.Advance(milliseconds(50));
  EXPECT_EQ(TakeWithPartition1AtTheEnd(), At(2));
}

TEST_F(ABusyWorkQueue, GathersNoLongerThanAnyOtherOnceItHadARest) {
  clock_.Advance(milliseconds(400));
  queue_->Add(At(2));
  clock_.Advance(milliseconds(5));
  EXPECT_EQ(TakeWithPartition1AtTheEnd(), At(2));
}

TEST_F(ABusyWorkQueue, GivesWhatWasGatheredInItsTurnWhenSomebodyComesInAHurry) {
  queue_->Add(At(2));
  queue_->Done(At(1), WorkQueue::Left::kMore);
  const WorkQueue::Hurry hurry = WorkQueue::BeginHurry(queue_);
  EXPECT_EQ(queue_->Take(), At(2)) << "it came first";
  EXPECT_EQ(queue_->Take(), At(1));
}

TEST(AWorkQueue, GivesNothingOnceItIsClosed) {
  WorkQueue queue;
  queue.Add(At(0));
  queue.Close();
  EXPECT_EQ(queue.Take(), std::nullopt);
  queue.Add(At(1));
  EXPECT_EQ(queue.Take(), std::nullopt);
}

TEST(AWorkQueue, LetsThoseGoWhoWaitWhenItIsClosed) {
  WorkQueue queue;
  std::jthread waiting([&] { EXPECT_EQ(queue.Take(), std::nullopt); });
  queue.Close();
}

TEST(AWorkQueue, LosesNoPartitionBetweenManyThreads) {
  constexpr std::int32_t kPartitions = 8;
  constexpr int kAdded = 2'000;
  WorkQueue queue(milliseconds(1));
  // What is to be done in a partition: as counts that must all be met, by one worker at a time.
  std::vector<std::atomic<int>> added(kPartitions);
  std::vector<std::atomic<int>> seen(kPartitions);
  std::vector<std::atomic<int>> at_work(kPartitions);
  std::atomic<int> together = 0;
  std::atomic<int> met = 0;
  std::vector<std::jthread> threads;
  for (int worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&] {
      while (const auto at = queue.Take()) {
        const auto partition = static_cast<std::size_t>(at->partition.value);
        if (at_work[partition].fetch_add(1) > 0) ++together;
        const int now = added[partition].load();
        met += now - seen[partition].exchange(now);
        --at_work[partition];
        queue.Done(*at, WorkQueue::Left::kNothing);
        if (met == kPartitions * kAdded) queue.Close();
      }
    });
  }
  for (int adder = 0; adder < 2; ++adder) {
    threads.emplace_back([&, adder] {
      for (int i = 0; i < kAdded; ++i) {
        for (std::int32_t partition = adder; partition < kPartitions; partition += 2) {
          ++added[static_cast<std::size_t>(partition)];
          queue.Add(At(partition));
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(met, kPartitions * kAdded);
  EXPECT_EQ(together, 0) << "two workers were at one partition";
}

}  // namespace
}  // namespace bitacora::consumers
