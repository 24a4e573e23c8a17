#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "support/event_store_fixture.h"

namespace bitacora::tests {
namespace {

using event_store::EventStore;
using event_store::TopicKind;
using event_store::WaitFor;

class MakingATopic : public EventStoreTest {};
class ATopicOfOthers : public EventStoreTest {};
class ALogThatWentBack : public EventStoreTest {};
class WaitingForTheFold : public EventStoreTest {};
class ALogWithHoles : public EventStoreTest {};
class ALogThatIsAway : public EventStoreTest {};
class AStart : public EventStoreTest {};

/// Another server on the same log.
class AnotherServer {
 public:
  AnotherServer(event_store::Log& log, const std::string& directory) {
    event_store::EventStoreOptions options;
    options.state_directory = directory;
    store_ = *EventStore::Open(options, log, SystemClock(), SystemRandom(), metrics_);
  }
  EventStore* operator->() { return store_.get(); }

 private:
  Metrics metrics_;
  std::unique_ptr<EventStore> store_;
};

TEST_F(MakingATopic, IsNewOnce) {
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kExisting);
  EXPECT_EQ(store_->CreateTopic(topic_, 4).error().reason(), "topic-exists");
  const auto topic = store_->GetTopic(topic_);
  EXPECT_EQ(topic->kind, TopicKind::kOwned);
  EXPECT_EQ(topic->partitions, 3);
}

TEST_F(MakingATopic, IsFinishedByTheNextCallAfterAStopBeforeItsGenesis) {
  log_.AddTopic(topic_, 3);
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(MakingATopic, WaitsUntilTheLogHasHeardOfIt) {
  log_.HearLate(3);
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(MakingATopic, IsNoUnknownTopicWhereItsLeaderHasNotHeardOfIt) {
  log_.SetFault(MemoryLog::Fault::kNoTopic);
  EXPECT_EQ(store_->CreateTopic(topic_, 3).error().code(), ErrorCode::kUnavailable);
  log_.SetFault(MemoryLog::Fault::kNone);
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(MakingATopic, ThatAnotherServerHasJustMadeMayBeAppendedToAtOnce) {
  Restart([this] { refresh_interval_ = std::chrono::hours(1); });
  AnotherServer other(log_, directory_.path() + "/other");
  ASSERT_EQ(*other->CreateTopic(topic_, 3), EventStore::Made::kNew);
  log_.HoldReaders(true);
  auto made = std::async(std::launch::async, [this] { return store_->CreateTopic(topic_, 3); });
  EXPECT_TRUE(Eventually([this] { return store_->Knows(topic_); }));
  EXPECT_EQ(made.wait_for(milliseconds(100)), std::future_status::timeout);
  log_.HoldReaders(false);
  EXPECT_EQ(*made.get(), EventStore::Made::kExisting);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(MakingATopic, IsFinishedByTheNextCallAfterAStopAmongItsGenesis) {
  log_.AddTopic(topic_, 3);
  log_.Write({topic_, Partition(1)}, MakeGenesis({MakeUuidV4(SystemRandom()), 3}));
  EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
  for (int n = 0; n < 10; ++n) EXPECT_TRUE(Append("o-" + std::to_string(n))->admitted);
  Restart();
  ASSERT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(MakingATopic, IsRefusedUntilEachPartitionHasItsGenesis) {
  for (const auto fault : {MemoryLog::Fault::kRefuse, MemoryLog::Fault::kLoseRecord}) {
    topic_ = TopicName("orders-" + std::to_string(static_cast<int>(fault)));
    log_.SetFault(fault, Partition(1));
    // The first makes the topic, the second finds it there.
    for (int calls = 0; calls < 2; ++calls) {
      EXPECT_EQ(store_->CreateTopic(topic_, 3).error().code(), ErrorCode::kUnavailable);
    }
    log_.SetFault(MemoryLog::Fault::kNone);
    EXPECT_EQ(*store_->CreateTopic(topic_, 3), EventStore::Made::kNew);
    for (int n = 0; n < 10; ++n) EXPECT_TRUE(Append("o-" + std::to_string(n))->admitted);
  }
}

TEST_F(MakingATopic, OfWhichAGenesisSpeaksOfOtherPartitionsIsRefused) {
  log_.AddTopic(topic_, 4);
  log_.Write({topic_, Partition(1)}, MakeGenesis({MakeUuidV4(SystemRandom()), 3}));
  EXPECT_EQ(store_->OwnTopic(topic_).error().reason(), "topic-not-empty");
}

/// Once another server has made the topic that this one met before it had records.
class ATopicMetEmpty : public EventStoreTest {
 protected:
  void MakeElsewhere(milliseconds refresh_interval) {
    Restart([&] { refresh_interval_ = refresh_interval; });
    log_.AddTopic(topic_, 2);
    EXPECT_EQ(store_->GetTopic(topic_)->kind, TopicKind::kAdopted);
    AnotherServer other(log_, directory_.path() + "/other");
    ASSERT_TRUE(other->OwnTopic(topic_).ok());
    log_.Write({topic_, Partition(1)}, {"key", "an append", {}});
  }
};

TEST_F(ATopicMetEmpty, IsFoundToBeOursByAPut) {
  MakeElsewhere(std::chrono::hours(1));
  EXPECT_EQ(*store_->OwnTopic(topic_), EventStore::Made::kExisting);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(ATopicMetEmpty, IsFoundToBeOursByItself) {
  MakeElsewhere(milliseconds(20));
  EXPECT_TRUE(Eventually([this] { return store_->GetTopic(topic_)->kind == TopicKind::kOwned; }));
}

TEST_F(MakingATopic, OfATopicWithRecordsIsRefused) {
  log_.AddTopic(topic_, 1);
  log_.Write({topic_, Partition(0)}, {"key", "value", {}});
  EXPECT_EQ(store_->OwnTopic(topic_).error().reason(), "topic-not-empty");
  EXPECT_EQ(store_->CreateTopic(topic_, 1).error().reason(), "topic-exists");
}

TEST_F(MakingATopic, ThatLostThePartitionByWhichItIsKnownAsOursIsRefused) {
  MakeTopic(2);
  std::string stream = "o-1";
  while (Append(stream)->partition != Partition(1)) stream += "1";
  const TopicPartition first{topic_, Partition(0)};
  Restart([&] {
    log_.DropBefore(first, *log_.Latest(first));
    std::filesystem::remove_all(directory_.path() + "/state");
  });
  EXPECT_EQ(store_->OwnTopic(topic_).error().reason(), "topic-not-empty");
}

TEST_F(MakingATopic, OfATopicThatWasEmptiedBeginsAtItsEnd) {
  const TopicPartition first{topic_, Partition(0)};
  log_.AddTopic(topic_, 1);
  log_.Write(first, {"key", "value", {}});
  log_.DropBefore(first, Offset(1));
  EXPECT_EQ(*store_->OwnTopic(topic_), EventStore::Made::kNew);
  EXPECT_EQ(Append("o-1")->first_version, Version(0));
  const auto page =
      store_->ReadPartition(first, store_->EarliestPosition(topic_)->next[Partition(0)].offset, {});
  EXPECT_EQ(page->records.size(), 1U);
}

TEST_F(MakingATopic, OfATopicThatCouldLoseEventsIsRefused) {
  log_.AddTopic(topic_, 1);
  log_.SetUnsafe(topic_, "retention.ms=604800000");
  EXPECT_EQ(store_->OwnTopic(topic_).error().reason(), "unsafe-settings");
}

TEST_F(ATopicOfOthers, IsFoundByItsNameAtOnce) {
  log_.AddTopic(topic_, 2);
  EXPECT_FALSE(store_->Knows(topic_));
  const auto topic = store_->GetTopic(topic_);
  ASSERT_TRUE(topic.ok());
  EXPECT_EQ(topic->kind, TopicKind::kAdopted);
  EXPECT_TRUE(store_->Knows(topic_));
}

TEST_F(ATopicOfOthers, WithMorePartitionsThanAPositionNamesIsLeftAlone) {
  log_.AddTopic(topic_, kPositionPartitionMax + 2);
  EXPECT_EQ(store_->GetTopic(topic_).error().reason(), "too-many-partitions");
  Restart();
  EXPECT_TRUE(store_->Topics()->empty());
  EXPECT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
}

TEST_F(ATopicOfOthers, IsReadRecordByRecord) {
  log_.AddTopic(topic_, 1);
  log_.Write({topic_, Partition(0)}, {"key", "value", {}});
  const auto page = store_->ReadPartition({topic_, Partition(0)}, Offset(0), {});
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].first_version, std::nullopt);
}

TEST_F(ATopicOfOthers, TellsWhenItGrows) {
  log_.AddTopic(topic_, 1);
  const Position end = *store_->LatestPosition(topic_);
  std::promise<bool> grown;
  store_->WhenApplied(topic_, end, WaitFor::kAny, SystemClock().Now() + std::chrono::seconds(10),
                      [&grown](bool fulfilled) { grown.set_value(fulfilled); });
  log_.Write({topic_, Partition(0)}, {"key", "value", {}});
  EXPECT_TRUE(grown.get_future().get());
}

TEST_F(ALogThatWentBack, IsReadOnlyFromTheStartOn) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  ASSERT_TRUE(Append("o-1")->admitted);
  Restart([this] { log_.CutFrom({topic_, Partition(0)}, Offset(2)); });
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "log-moved-backwards");
  EXPECT_EQ(Append("o-1").error().reason(), "log-moved-backwards");
}

TEST_F(ALogThatWentBack, IsNoticedThoughItHasGrownAgain) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  ASSERT_TRUE(Append("o-1")->admitted);
  Restart([this] {
    log_.CutFrom({topic_, Partition(0)}, Offset(2));
    for (int i = 0; i < 3; ++i) log_.Write({topic_, Partition(0)}, {"o-1", "other", {}});
  });
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "log-moved-backwards");
}

TEST_F(ALogThatWentBack, ThatLostItsHeadIsReadOnly) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  Restart([this] { log_.DropBefore({topic_, Partition(0)}, Offset(1)); });
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "log-head-lost");
  EXPECT_EQ(Append("o-1").error().reason(), "log-head-lost");
}

TEST_F(ALogThatWentBack, OrCouldLoseEventsIsReadOnly) {
  MakeTopic();
  log_.SetUnsafe(topic_, "cleanup.policy=compact");
  Restart();
  EXPECT_EQ(Append("o-1").error().reason(), "unsafe-settings");
}

TEST_F(WaitingForTheFold, EndsWhenThePositionIsApplied) {
  MakeTopic();
  log_.HoldReaders(true);
  auto append = StartAppend("o-1", {});
  Position behind;
  behind.next[Partition(0)] = {Offset(2), 0};
  std::promise<bool> reached;
  store_->WhenApplied(topic_, behind, WaitFor::kAll, SystemClock().Now() + std::chrono::seconds(10),
                      [&reached](bool fulfilled) { reached.set_value(fulfilled); });
  log_.HoldReaders(false);
  EXPECT_TRUE(reached.get_future().get());
  EXPECT_TRUE(append.get()->admitted);
}

TEST_F(WaitingForTheFold, EndsAtTheDeadline) {
  MakeTopic();
  Position beyond;
  beyond.next[Partition(0)] = {Offset(100), 0};
  std::promise<bool> reached;
  store_->WhenApplied(topic_, beyond, WaitFor::kAll, SystemClock().Now() + milliseconds(10),
                      [&reached](bool fulfilled) { reached.set_value(fulfilled); });
  EXPECT_FALSE(reached.get_future().get());
}

TEST_F(WaitingForTheFold, EndsWhenTheStoreCloses) {
  MakeTopic();
  Position beyond;
  beyond.next[Partition(0)] = {Offset(100), 0};
  std::promise<bool> reached;
  store_->WhenApplied(topic_, beyond, WaitFor::kAll, SystemClock().Now() + std::chrono::hours(1),
                      [&reached](bool fulfilled) { reached.set_value(fulfilled); });
  store_.reset();
  EXPECT_FALSE(reached.get_future().get());
}

TEST_F(ALogWithHoles, IsFoldedToItsEnd) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  log_.WriteHole({topic_, Partition(0)});
  ASSERT_TRUE(Eventually([this] { return store_->Progress()[0].applied == Offset(3); }));
  // Nobody waits for a record that will never come.
  EXPECT_EQ(FindAppend("o-1", "nobody").error().reason(), "append-unknown");
  const auto page = store_->ReadPartition({topic_, Partition(0)}, Offset(2), {});
  EXPECT_TRUE(page->at_end && page->records.empty());
  EXPECT_EQ(Append("o-1")->offset, Offset(3));
}

TEST_F(ALogWithHoles, IsFoldedToItsEndAfterAStartToo) {
  MakeTopic();
  log_.WriteHole({topic_, Partition(0)});
  Restart();
  ASSERT_TRUE(Eventually([this] { return store_->Progress()[0].applied == Offset(2); }));
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(ALogThatIsAway, AtStartIsWaitedFor) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  Restart([this] { log_.SetReachable(false); });
  EXPECT_FALSE(store_->Ready().ok());
  EXPECT_EQ(store_->GetTopic(topic_).error().reason(), "log-unavailable");
  log_.SetReachable(true);
  ASSERT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_EQ(Append("o-1")->first_version, Version(1));
}

TEST_F(AStart, HostsEachOfManyTopicsOnce) {
  std::vector<TopicName> names;
  for (int n = 0; n < 100; ++n) names.emplace_back("topic-" + std::to_string(n));
  for (const TopicName& name : names) {
    topic_ = name;
    MakeTopic();
    ASSERT_TRUE(Append("o-1", {.data = '"' + name.str() + '"'})->admitted);
  }
  Restart([this] { std::filesystem::remove_all(directory_.path() + "/state"); });
  ASSERT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_EQ(store_->Topics()->size(), names.size());
  for (const TopicName& name : names) {
    topic_ = name;
    EXPECT_EQ(Append("o-1", {.data = '"' + name.str() + '"'})->first_version, Version(1));
    const auto page = Read("o-1");
    ASSERT_EQ(page->events.size(), 2U) << name.str();
    EXPECT_EQ(page->events[0].event.data, '"' + name.str() + '"');
  }
}

TEST_F(AStart, EndsWhileTopicsAreHosted) {
  for (int n = 0; n < 40; ++n) log_.AddTopic(TopicName("topic-" + std::to_string(n)), 1);
  for (int starts = 0; starts < 20; ++starts) Restart();
  EXPECT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_EQ(store_->Topics()->size(), 40U);
}

}  // namespace
}  // namespace bitacora::tests
