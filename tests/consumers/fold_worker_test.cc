#include "src/fold_worker.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <bitacora/base/deadline_timer.h>

#include "src/running_model.h"
#include "support/event_store_fixture.h"

namespace bitacora::consumers {
namespace {

using projections::ReadModelStore;
using Outcome = FoldWorker::Outcome;

/// One worker, called by hand.
class AFoldWorker : public tests::EventStoreTest {
 protected:
  AFoldWorker() {
    MakeTopic();
    OpenModels({.directory = directory_.path() + "/models"});
  }

  void OpenModels(const ReadModelStore::Options& options) {
    running_.reset();
    models_.reset();
    auto opened = ReadModelStore::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    models_ = std::move(*opened);
    const event_store::Topic topic = store_->GetTopic(of_).value();
    auto model = models_->OpenModel("a.latest", {topic.log_id, "latest/1", topic.partitions,
                                                 topic.kind == event_store::TopicKind::kOwned});
    ASSERT_TRUE(model.ok()) << model.error().ToString();
    model_ = *model;
    Begin(store_->LatestPosition(of_).value());
  }

  /// The model, to catch up to `whole`.
  void Begin(const Position& whole) {
    running_ = std::make_unique<RunningModel>(model_, store_->GetTopic(of_).value(), timer_);
    ASSERT_TRUE(running_->Load(*models_, store_->EarliestPosition(of_).value(), whole).ok());
  }

  Outcome FoldSome(std::size_t records_max = 1000) {
    FoldWorker worker(*store_, *models_, {records_max, 1u << 20}, metrics_);
    return worker.FoldSome(*running_, partition());
  }
  RunningPartition& partition() { return *running_->partitions[0]; }

  TopicName of_ = topic_;  ///< What the model is of.
  DeadlineTimer timer_;
  std::unique_ptr<ReadModelStore> models_;
  projections::Model model_;
  std::unique_ptr<RunningModel> running_;
};

TEST_F(AFoldWorker, FoldsABatchAtATime) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append("o-1").ok());
  int batches = 1;
  while (FoldSome(1) == Outcome::kMore) ++batches;
  EXPECT_GE(batches, 3);
  EXPECT_EQ(partition().state.records, 3);
  EXPECT_EQ(partition().state.next, Offset(4));
  EXPECT_EQ(partition().documents(), 1);
}

TEST_F(AFoldWorker, MovesOnOverRecordsThatMakeNothing) {
  log_.Write({topic_, Partition(0)}, {"o-1", "foreign", {}});
  ASSERT_TRUE(Append("o-1").ok());
  while (FoldSome() == Outcome::kMore) {
  }
  EXPECT_EQ(partition().state.records, 1);
  EXPECT_EQ(partition().state.next, Offset(3));
}

TEST_F(AFoldWorker, TriesAgainWhereTheModelCannotBeWritten) {
  OpenModels({.directory = directory_.path() + "/models", .read_only = true});
  ASSERT_TRUE(Append("o-1").ok());
  const projections::PartitionState before = partition().state;
  EXPECT_EQ(FoldSome(), Outcome::kRetry);
  EXPECT_EQ(partition().state, before);
  EXPECT_EQ(partition().Stopped(), std::nullopt) << "a disk that fails is no event that does";
  EXPECT_EQ(running_->applied.Applied().front(), before.next);
}

TEST_F(AFoldWorker, TriesAgainWhereTheLogIsAway) {
  ASSERT_TRUE(Append("o-1").ok());
  log_.SetReachable(false);
  EXPECT_EQ(FoldSome(), Outcome::kRetry);
  log_.SetReachable(true);
  EXPECT_EQ(FoldSome(), Outcome::kAtEnd);
  EXPECT_EQ(partition().state.records, 1);
}

TEST_F(AFoldWorker, DoesNothingWhereThePartitionHasStopped) {
  ASSERT_TRUE(Append("o-1").ok());
  partition().Stop("first reason");
  partition().Stop("second reason");
  EXPECT_EQ(FoldSome(), Outcome::kAtEnd);
  EXPECT_EQ(partition().state.records, 0);
  EXPECT_EQ(partition().Stopped(), "first reason");
}

/// A model of what the topic held before the model was started.
class AModelThatBegins : public AFoldWorker {
 protected:
  AModelThatBegins() {
    EXPECT_TRUE(Append("o-1").ok());
    EXPECT_TRUE(Append("o-2").ok());
    OpenModels({.directory = directory_.path() + "/models"});
  }
};

TEST_F(AModelThatBegins, CatchesUpToWhatTheTopicHeld) {
  EXPECT_EQ(running_->CatchingUpTo(*store_), store_->LatestPosition(topic_).value());
  ASSERT_EQ(FoldSome(1), Outcome::kMore);
  EXPECT_EQ(running_->CatchingUpTo(*store_), store_->LatestPosition(topic_).value());
  while (FoldSome(1) == Outcome::kMore) {
  }
  EXPECT_EQ(running_->CatchingUpTo(*store_), Position());
}

TEST_F(AModelThatBegins, HasCaughtUpForGood) {
  EXPECT_EQ(FoldSome(), Outcome::kAtEnd);
  ASSERT_TRUE(Append("o-1").ok());
  EXPECT_EQ(running_->CatchingUpTo(*store_), Position());
}

TEST_F(AModelThatBegins, DoesNotCatchUpWhereItHasStopped) {
  partition().Stop("a reason");
  EXPECT_EQ(running_->CatchingUpTo(*store_), Position());
}

TEST_F(AModelThatBegins, HasNoMoreToCatchUpWithThanTheStoreFolds) {
  Position whole = store_->LatestPosition(topic_).value();
  whole.next[Partition(0)].offset = Offset(100);  // As a fold was to reach that met a problem.
  Begin(whole);
  while (FoldSome(1) == Outcome::kMore) {
  }
  EXPECT_EQ(running_->CatchingUpTo(*store_), Position());
}

/// One worker for a topic that others made, from which retention deletes.
class AModelOfATopicOfOthers : public AFoldWorker {
 protected:
  AModelOfATopicOfOthers() {
    of_ = TopicName("others");
    log_.AddTopic(of_, 1);
    for (int i = 0; i < 3; ++i) log_.Write({of_, Partition(0)}, {"key", "value", {}});
    OpenModels({.directory = directory_.path() + "/models"});
  }
};

TEST_F(AModelOfATopicOfOthers, HasCaughtUpWhereNothingIsLeft) {
  log_.DropBefore({of_, Partition(0)}, Offset(3));
  EXPECT_FALSE(running_->CatchingUpTo(*store_).next.empty());
  while (FoldSome() == Outcome::kMore) {
  }
  EXPECT_EQ(partition().state.next, Offset(3));
  EXPECT_EQ(running_->applied.Applied().front(), Offset(3));
  EXPECT_EQ(running_->CatchingUpTo(*store_), Position());
}

}  // namespace
}  // namespace bitacora::consumers
