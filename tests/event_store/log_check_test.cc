// A log that becomes another one while it is folded. Its readers are held back, so that only the
// checks can notice: Kafka's tell a fold nothing of what lies behind it.
#include "support/event_store_fixture.h"

namespace bitacora::tests {
namespace {

using event_store::TopicKind;

class CheckingTheLog : public EventStoreTest {
 protected:
  /// With checks at each refresh, an end behind the fold being borne for `end_behind_max`.
  void CheckAlways(milliseconds end_behind_max = milliseconds(0)) {
    check_interval_ = milliseconds(1);
    end_behind_max_ = end_behind_max;
    Restart();
  }

  /// A topic with two events, of which the fold has met both.
  void Fill(std::int32_t partitions = 1) {
    MakeTopic(partitions);
    ASSERT_TRUE(Append("o-1")->admitted);
    ASSERT_TRUE(Append("o-1")->admitted);
  }

  /// The last event gives way to others.
  void ReplaceTheLast() {
    log_.CutFrom(first_, Offset(2));
    for (int i = 0; i < 3; ++i) log_.Write(first_, {"o-1", "other", {}});
  }

  bool IsFoundToHave(const std::string& problem) {
    return Eventually([&] { return store_->GetTopic(topic_)->problem == problem; });
  }

  const TopicPartition first_{topic_, Partition(0)};
};

TEST_F(CheckingTheLog, FindsAnotherRecordThanTheLastFolded) {
  Fill();
  CheckAlways();
  log_.HoldReaders(true);
  ReplaceTheLast();
  EXPECT_TRUE(IsFoundToHave("log-moved-backwards"));
  EXPECT_EQ(Append("o-1").error().reason(), "log-moved-backwards");
  EXPECT_EQ(Read("o-1")->events.size(), 2U) << "what was folded stays readable";
}

TEST_F(CheckingTheLog, IsDoneWhenItComesBack) {
  Fill();
  log_.HoldReaders(true);
  log_.SetReachable(false);
  ReplaceTheLast();
  log_.SetReachable(true);
  EXPECT_TRUE(IsFoundToHave("log-moved-backwards"));
}

TEST_F(CheckingTheLog, FindsAnEndThatStaysBehindTheFold) {
  Fill();
  end_behind_max_ = milliseconds(50);
  Restart();
  log_.HoldReaders(true);
  log_.CutFrom(first_, Offset(2));
  EXPECT_TRUE(IsFoundToHave("log-moved-backwards"));
}

TEST_F(CheckingTheLog, BearsAnEndThatIsBehindForAMoment) {
  Fill();
  CheckAlways(std::chrono::hours(1));
  log_.HoldReaders(true);
  log_.CutFrom(first_, Offset(2));
  // A topic found by a refresh after the cut shows that the log was looked at since.
  const TopicName other("other");
  log_.AddTopic(other, 1);
  ASSERT_TRUE(Eventually([&] { return store_->Knows(other); }));
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "");
}

TEST_F(CheckingTheLog, BearsAnEndThatGoesBackWhileItLooks) {
  Fill();
  CheckAlways(std::chrono::hours(1));
  log_.HoldReaders(true);
  log_.CutFromAfterLatest(first_, Offset(2));
  ASSERT_TRUE(Eventually([&] { return log_.Fetch(first_, Offset(2), {1, 1})->records.empty(); }));
  const TopicName other("other");
  log_.AddTopic(other, 1);
  ASSERT_TRUE(Eventually([&] { return store_->Knows(other); }));
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "");
}

TEST_F(CheckingTheLog, FindsALostHeadInAnyPartition) {
  Fill(3);
  CheckAlways();
  log_.DropBefore({topic_, Partition(1)}, Offset(1));
  EXPECT_TRUE(IsFoundToHave("log-head-lost"));
}

TEST_F(CheckingTheLog, AtStartFindsALostHeadInAnyPartition) {
  Fill(3);
  Restart([this] { log_.DropBefore({topic_, Partition(1)}, Offset(1)); });
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "log-head-lost");
}

TEST_F(CheckingTheLog, AtStartStillOwnsATopicThatLostEverything) {
  Fill();
  Restart([this] { log_.DropBefore(first_, Offset(3)); });
  EXPECT_EQ(store_->GetTopic(topic_)->kind, TopicKind::kOwned);
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "log-head-lost");
  EXPECT_EQ(Append("o-1").error().reason(), "log-head-lost");
}

TEST_F(CheckingTheLog, FindsATopicMadeAnewAndHostsIt) {
  Fill();
  CheckAlways();
  const std::string before = store_->GetTopic(topic_)->log_id;
  log_.HoldReaders(true);
  log_.RemoveTopic(topic_);
  Genesis genesis;
  genesis.log_id = "7f000000-0000-4000-8000-000000000001";
  genesis.partitions = 1;
  log_.AddTopic(topic_, 1);
  log_.Write(first_, MakeGenesis(genesis));
  for (int i = 0; i < 5; ++i) log_.Write(first_, {"o-1", "other", {}});
  ASSERT_TRUE(Eventually([&] { return store_->GetTopic(topic_)->log_id == genesis.log_id; }));
  log_.HoldReaders(false);
  ASSERT_TRUE(Eventually([&] { return store_->Ready().ok(); }));
  EXPECT_EQ(store_->GetTopic(topic_)->problem, "");
  EXPECT_EQ(Append("o-1")->first_version, Version(0));
}

TEST_F(CheckingTheLog, FindsSettingsThatCouldLoseEventsForAsLongAsTheyDo) {
  MakeTopic();
  log_.SetUnsafe(topic_, "retention.ms=1000");
  EXPECT_TRUE(IsFoundToHave("unsafe-settings"));
  EXPECT_EQ(Append("o-1").error().reason(), "unsafe-settings");
  log_.SetSafe(topic_);
  EXPECT_TRUE(IsFoundToHave(""));
  EXPECT_TRUE(Append("o-1")->admitted);
}

}  // namespace
}  // namespace bitacora::tests
