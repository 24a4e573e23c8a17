#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consumers/read_models_fixture.h"

namespace bitacora::consumers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class TheModelOfATopic : public ReadModelsTest {};

TEST_F(TheModelOfATopic, AnswersWhatWasAppendedOnceItIsApplied) {
  MakeTopic(4);
  Put("o-1", R"({"total":1})");
  const Position position = Put("o-1", R"({"total":2})");
  ASSERT_TRUE(Wait(position).ok());
  const auto document = models_->Get("orders.latest", "o-1");
  ASSERT_TRUE(document.ok()) << document.error().ToString();
  EXPECT_THAT(document->json, StartsWith(R"({"key":"o-1","version":1,)"));
  EXPECT_THAT(document->json, HasSubstr(R"("data":{"total":2})"));
  EXPECT_EQ(document->build, "latest/1.1");
  const Position applied = ParsePosition(document->applied).value();
  EXPECT_EQ(applied.log_tag, position.log_tag);
  for (const auto& [partition, place] : position.next) {
    EXPECT_GE(applied.next.at(partition).offset, place.offset);
  }
}

TEST_F(TheModelOfATopic, SaysHowFarItIsEachTime) {
  MakeTopic(2);
  std::string before;
  for (const std::string key : {"o-1", "o-2", "o-1"}) {
    const Position position = Put(key);
    ASSERT_TRUE(Wait(position).ok());
    const std::string applied = models_->Get("orders.latest", key).value().applied;
    EXPECT_NE(applied, before);
    for (const auto& [partition, place] : position.next) {
      EXPECT_GE(ParsePosition(applied).value().next.at(partition).offset, place.offset);
    }
    before = applied;
  }
}

TEST_F(TheModelOfATopic, IsThereBeforeTheFirstEvent) {
  MakeTopic(2);
  EXPECT_THAT(All("orders.latest"), IsEmpty());
  EXPECT_TRUE(Eventually([this] { return models_->Progress().size() == 2; }));
}

TEST_F(TheModelOfATopic, HasNoDocumentOfAnUnknownKey) {
  MakeTopic();
  EXPECT_EQ(models_->Get("orders.latest", "none").error().reason(), "document-unknown");
}

TEST_F(TheModelOfATopic, IsUnknownWhereThereIsNoTopic) {
  for (const std::string name : {"orders.latest", "orders", "", ".latest", "latest", "__x.latest",
                                 "bitacora.groups.latest", "a/b.latest", "..latest"}) {
    EXPECT_EQ(models_->Get(name, "k").error().reason(), "read-model-unknown") << name;
    EXPECT_EQ(models_->List(name, {}).error().reason(), "read-model-unknown") << name;
    EXPECT_EQ(models_->View(name).error().reason(), "read-model-unknown") << name;
    EXPECT_EQ(Wait({}, milliseconds(0), name).error().reason(), "read-model-unknown") << name;
  }
}

TEST_F(TheModelOfATopic, IsNotSaidToBeUnknownWhileTheLogIsAway) {
  log_.SetReachable(false);
  const auto answer = models_->Get("orders.latest", "k");
  log_.SetReachable(true);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
}

TEST_F(TheModelOfATopic, IsListedInPages) {
  MakeTopic(4);
  for (const std::string stream : {"c", "a", "d", "b", "x"}) Put(stream);
  WaitForAll(topic_);
  DocumentQuery query;
  query.limit = 2;
  std::string keys;
  for (bool more = true; more;) {
    const auto page = models_->List("orders.latest", query);
    ASSERT_TRUE(page.ok()) << page.error().ToString();
    for (const std::string& document : page->documents) keys += document.substr(8, 1);
    more = page->next.has_value();
    query.cursor = page->next.value_or("");
  }
  EXPECT_EQ(keys, "abcdx");
}

TEST_F(TheModelOfATopic, RefusesACursorThatIsNone) {
  MakeTopic();
  DocumentQuery query;
  query.cursor = "!";
  EXPECT_EQ(models_->List("orders.latest", query).error().reason(), "invalid-cursor");
}

TEST_F(TheModelOfATopic, TellsHowFarItIs) {
  MakeTopic();
  Put("o-1");
  Put("o-1");
  WaitForAll(topic_);
  const auto progress = ProgressOf("orders.latest");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->applied, Offset(3)) << "genesis and two appends";
  EXPECT_EQ(progress->documents, 1);
  EXPECT_EQ(progress->problem, "");
}

class WaitingForAModel : public ReadModelsTest {
 protected:
  WaitingForAModel() { MakeTopic(); }
  /// A place the log will not reach.
  Position FarAhead() {
    Position position = Put("o-1");
    position.next.at(Partition(0)).offset = Offset(1000);
    return position;
  }
};

TEST_F(WaitingForAModel, EndsAtTheDeadline) {
  const Status status = Wait(FarAhead(), milliseconds(1));
  EXPECT_EQ(status.error().reason(), "read-model-behind");
  EXPECT_TRUE(status.error().retryable());
}

TEST_F(WaitingForAModel, EndsAtOnceWhereNothingIsAskedFor) {
  EXPECT_TRUE(Wait({}, milliseconds(0)).ok());
}

TEST_F(WaitingForAModel, RefusesAPositionOfAnotherLog) {
  Position position = Put("o-1");
  position.log_tag ^= 1;
  EXPECT_EQ(Wait(position).error().reason(), "position-from-another-log");
}

TEST_F(WaitingForAModel, EndsWhenTheModelsAreClosed) {
  const Position far = FarAhead();
  std::promise<Status> promise;
  models_->WhenApplied("orders.latest", far, SystemClock().Now() + std::chrono::hours(1),
                       [&](Status status) { promise.set_value(std::move(status)); });
  models_.reset();
  EXPECT_EQ(promise.get_future().get().error().reason(), "read-model-behind");
}

TEST_F(WaitingForAModel, EndsBeforeAShutDown) {
  const Position far = FarAhead();
  models_->EndWaits();
  EXPECT_EQ(Wait(far, milliseconds(3'600'000)).error().reason(), "read-model-behind");
  EXPECT_TRUE(Wait(Put("o-2"), milliseconds(0)).ok() ||
              Eventually([this] { return models_->Get("orders.latest", "o-2").ok(); }))
      << "folding goes on";
}

class AskingWithoutWaiting : public ReadModelsTest {
 protected:
  AskingWithoutWaiting() {
    MakeTopic(2);
    Put("o-1");
    WaitForAll(topic_);
  }
};

TEST_F(AskingWithoutWaiting, SaysTheSameOfWhatIsInMemory) {
  const auto found = models_->TryGet("orders.latest", "o-1");
  ASSERT_TRUE(found);
  const Document document = models_->Get("orders.latest", "o-1").value();
  EXPECT_EQ(found->value().json, document.json);
  EXPECT_EQ(found->value().applied, document.applied);
  EXPECT_EQ(found->value().build, document.build);
}

TEST_F(AskingWithoutWaiting, SaysThatAModelHasNoSuchDocument) {
  const auto found = models_->TryGet("orders.latest", "o-2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->error().reason(), "document-unknown");
}

TEST_F(AskingWithoutWaiting, StartsNoModel) {
  EXPECT_FALSE(models_->TryGet("nothing.latest", "o-1"));
  EXPECT_FALSE(models_->TryGet("orders", "o-1"));
}

class AfterAStart : public ReadModelsTest {};

TEST_F(AfterAStart, AModelGoesOnWhereItWas) {
  MakeTopic(2);
  for (int i = 0; i < 20; ++i) Put("o-" + std::to_string(i % 5));
  WaitForAll(topic_);
  const auto states = States("orders.latest");
  const auto all = All("orders.latest");
  models_.reset();
  Metrics metrics;
  auto opened = ReadModels::Open(options_, *store_, SystemClock(), metrics);
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  models_ = std::move(*opened);
  WaitForAll(topic_);
  EXPECT_EQ(States("orders.latest"), states);
  EXPECT_EQ(All("orders.latest"), all);
  ASSERT_TRUE(Wait(Put("o-new")).ok());
  EXPECT_THAT(metrics.Expose(), HasSubstr("bitacora_read_model_records_total 1\n"))
      << "what was folded before was folded again";
}

TEST_F(AfterAStart, AModelFoldsWhatCameMeanwhile) {
  MakeTopic();
  Put("o-1");
  WaitForAll(topic_);
  models_.reset();
  const Position position = Put("o-2");
  Start();
  ASSERT_TRUE(Wait(position).ok());
  EXPECT_THAT(All("orders.latest"), SizeIs(2));
}

TEST_F(AfterAStart, WithoutItsDirectoryAModelGivesTheSameAnswers) {
  MakeTopic(3);
  for (int i = 0; i < 50; ++i) Put("o-" + std::to_string(i % 7), std::to_string(i));
  WaitForAll(topic_);
  const auto states = States("orders.latest");
  const auto all = All("orders.latest");
  RestartModels([this] { std::filesystem::remove_all(options_.directory); });
  WaitForAll(topic_);
  EXPECT_EQ(States("orders.latest"), states);
  EXPECT_EQ(All("orders.latest"), all);
}

TEST_F(AfterAStart, OtherBatchesAndThreadsMakeTheSameModel) {
  MakeTopic(4);
  for (int i = 0; i < 100; ++i) Put("o-" + std::to_string(i % 13), std::to_string(i));
  WaitForAll(topic_);
  const auto states = States("orders.latest");
  RestartModels([this] {
    std::filesystem::remove_all(options_.directory);
    options_.threads = 3;
    options_.batch_records_max = 1;
  });
  WaitForAll(topic_);
  EXPECT_EQ(States("orders.latest"), states);
}

TEST_F(AfterAStart, ATopicMadeAnewHasItsModelMadeAnew) {
  MakeTopic();
  Put("old");
  WaitForAll(topic_);
  RestartAll([this] {
    log_.CutFrom(At(topic_), Offset(0));
    log_.Write(At(topic_), MakeGenesis({"00000000-0000-4000-8000-000000000002", 1}));
  });
  ASSERT_TRUE(Wait(Put("new")).ok());
  const auto all = All("orders.latest");
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_THAT(all[0], StartsWith(R"({"key":"new","version":0,)"));
  EXPECT_EQ(models_->Get("orders.latest", "new")->build, "latest/1.2");
}

class TheModelOfAnAdoptedTopic : public ReadModelsTest {
 protected:
  TheModelOfAnAdoptedTopic() { log_.AddTopic(adopted_, 2); }
};

TEST_F(TheModelOfAnAdoptedTopic, BeginsWhenSomebodyAsks) {
  Write("k", "1");
  ASSERT_TRUE(store_->GetTopic(adopted_).ok());
  MakeTopic();
  ASSERT_TRUE(Eventually([this] { return ProgressOf("orders.latest").has_value(); }));
  EXPECT_FALSE(ProgressOf("clicks.latest"));
  All("clicks.latest");
  EXPECT_TRUE(ProgressOf("clicks.latest"));
  EXPECT_TRUE(Eventually([this] { return models_->Get("clicks.latest", "k").ok(); }));
}

TEST_F(TheModelOfAnAdoptedTopic, FollowsItFromThenOnOverStarts) {
  All("clicks.latest");
  Write("a", "1");
  ASSERT_TRUE(Eventually([this] { return models_->Get("clicks.latest", "a").ok(); }));
  RestartAll([this] { Write("b", "1"); });
  EXPECT_TRUE(Eventually([this] { return ProgressOf("clicks.latest").has_value(); }))
      << "nobody asks for it, and yet";
  Write("c", "1", 1);
  EXPECT_TRUE(Eventually([this] { return All("clicks.latest").size() == 3; }));
}

TEST_F(TheModelOfAnAdoptedTopic, BeginsAgainWhereItsNextRecordIsGone) {
  All("clicks.latest");
  Write("a", "1");
  ASSERT_TRUE(Eventually([this] { return models_->Get("clicks.latest", "a").ok(); }));
  RestartAll([this] {
    Write("b", "1");
    Write("c", "1");
    log_.DropBefore(At(adopted_), Offset(2));
  });
  EXPECT_TRUE(Eventually([this] { return models_->Get("clicks.latest", "c").ok(); }));
  EXPECT_THAT(All("clicks.latest"), SizeIs(1));
  EXPECT_EQ(States("clicks.latest")[0].first, Offset(2));
  EXPECT_EQ(ProgressOf("clicks.latest")->documents, 1);
}

TEST_F(TheModelOfAnAdoptedTopic, IsMadeAnewWhenTheTopicBecomesOwned) {
  All("clicks.latest");
  ASSERT_TRUE(store_->OwnTopic(adopted_).ok());
  EXPECT_TRUE(Eventually([this] {
    const auto page = models_->List("clicks.latest", {});
    return page.ok() && page->build == "latest/1.2";
  }));
}

class AModelThatStopped : public ReadModelsTest {
 protected:
  /// An adopted topic that is shorter than what was folded of it.
  AModelThatStopped() {
    log_.AddTopic(adopted_, 1);
    All("clicks.latest");
    for (int i = 0; i < 5; ++i) Write("k" + std::to_string(i), "1");
    EXPECT_TRUE(Eventually([this] { return models_->Get("clicks.latest", "k4").ok(); }));
    RestartAll([this] { log_.CutFrom(At(adopted_), Offset(0)); });
    EXPECT_TRUE(Eventually([this] {
      const auto progress = ProgressOf("clicks.latest");
      return progress && !progress->problem.empty();
    }));
  }

  Position Behind(Offset offset, std::int32_t index = 0) {
    Position position;
    position.log_tag = TagOfLog(store_->GetTopic(adopted_)->log_id);
    position.next[Partition(0)] = {offset, index};
    return position;
  }
};

TEST_F(AModelThatStopped, GoesOnAnsweringWhatItHas) {
  EXPECT_THAT(All("clicks.latest"), SizeIs(5));
}

TEST_F(AModelThatStopped, SaysSoToThoseWhoWait) {
  const milliseconds long_ago(3'600'000);
  EXPECT_TRUE(Wait(Behind(Offset(5)), long_ago, "clicks.latest").ok());
  for (const Position& position : {Behind(Offset(6)), Behind(Offset(5), 1)}) {
    const Status status = Wait(position, long_ago, "clicks.latest");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().reason(), "read-model-stopped");
    EXPECT_THAT(status.error().message(), HasSubstr("at offset 5"));
  }
}

TEST_F(AModelThatStopped, IsMadeAnewWithItsTopic) {
  ASSERT_TRUE(store_->OwnTopic(adopted_).ok());
  EXPECT_TRUE(Eventually([this] {
    const auto progress = ProgressOf("clicks.latest");
    return progress && progress->problem.empty();
  })) << "it stays stopped though the topic is another one";
  EXPECT_THAT(All("clicks.latest"), IsEmpty());
}

class AModelUnderLoad : public ReadModelsTest {};

TEST_F(AModelUnderLoad, AnswersManyThreadsWhileItFolds) {
  options_.threads = 2;
  options_.batch_records_max = 3;
  RestartModels();
  MakeTopic(4);
  std::atomic<bool> done = false;
  std::vector<std::jthread> threads;
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      while (!done) {
        // Each document is whole, and no page has more than there are.
        for (const std::string& json : All("orders.latest")) EXPECT_THAT(json, StartsWith("{"));
        EXPECT_LE(models_->Progress().size(), 4U);
        EXPECT_TRUE(models_->View("orders.latest").ok());
      }
    });
  }
  std::vector<std::jthread> appending;
  for (int appender = 0; appender < 2; ++appender) {
    appending.emplace_back([&, appender] {
      for (int i = 0; i < 40; ++i) {
        const std::string stream = std::to_string(appender) + "-" + std::to_string(i % 5);
        ASSERT_TRUE(Wait(Put(stream, std::to_string(i))).ok());
        const auto document = models_->Get("orders.latest", stream);
        ASSERT_TRUE(document.ok()) << document.error().ToString();
        EXPECT_THAT(document->json, HasSubstr("\"data\":" + std::to_string(i) + "}"))
            << "a read after its own write";
      }
    });
  }
  appending.clear();
  done = true;
  threads.clear();
  EXPECT_THAT(All("orders.latest"), SizeIs(10));
}

}  // namespace
}  // namespace bitacora::consumers
