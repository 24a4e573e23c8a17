// Logs that make topics, and logs that can be closed and opened again.
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "contract/log_contract.h"

namespace bitacora::event_store {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TopicCreationContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReopenedLogContract);

TEST_P(TopicCreationContract, ATopicIsMadeOnce) {
  const TopicName topic = fixture_->UniqueName("orders");
  ASSERT_TRUE(log().CreateTopic(topic, 3).ok());
  const Status again = log().CreateTopic(topic, 3);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_P(TopicCreationContract, OneOfTwoWhoMakeItAtOnceGetsIt) {
  const TopicName topic = fixture_->UniqueName("orders");
  Status first;
  Status second;
  {
    std::jthread one([&] { first = log().CreateTopic(topic, 3); });
    std::jthread two([&] { second = log().CreateTopic(topic, 3); });
  }
  EXPECT_NE(first.ok(), second.ok());
}

TEST_P(TopicCreationContract, ATopicHasOneToSixtyFourPartitions) {
  for (const std::int32_t partitions : {0, -1, 65}) {
    const Status made = log().CreateTopic(fixture_->UniqueName("orders"), partitions);
    ASSERT_FALSE(made.ok()) << partitions;
    EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(log().CreateTopic(fixture_->UniqueName("narrow"), 1).ok());
  EXPECT_TRUE(log().CreateTopic(fixture_->UniqueName("wide"), 64).ok());
}

TEST_P(TopicCreationContract, ANewTopicHasTheSettingsOfAnOwnedOne) {
  const TopicName topic = fixture_->UniqueName("orders");
  ASSERT_TRUE(log().CreateTopic(topic, 3).ok());
  const auto description = log().Describe(topic);
  ASSERT_TRUE(description.ok()) << description.error().ToString();
  EXPECT_THAT(description->unsafe_settings, testing::IsEmpty());
}

TEST_P(ReopenedLogContract, HasItsRecordsAndItsIdentity) {
  const TopicPartition at = MakeTopic("orders", 2);
  AppendAll(at, {"1", "2"});
  const std::string id = log().id();
  fixture_->Reopen();
  EXPECT_EQ(log().id(), id);
  EXPECT_THAT(ValuesOf(FetchAll(at)), testing::ElementsAre("1", "2"));
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->partitions, 2);
}

TEST_P(ReopenedLogContract, FetchesTheRecordsAtSomeOffsetsOldAndNew) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  fixture_->Reopen();
  AppendAll(at, {"4"});
  const auto records = log().FetchEach(at, std::vector{Offset(0), Offset(2), Offset(3)});
  ASSERT_TRUE(records.ok()) << records.error().ToString();
  EXPECT_THAT(ValuesOf(*records), testing::ElementsAre("1", "3", "4"));
}

TEST_P(ReopenedLogContract, HasRecordsOfAllSizes) {
  const TopicPartition at = MakeTopic("orders");
  std::vector<std::string> values;
  std::vector<Offset> offsets;
  // Each number of bytes up to some, so that records begin and end at all places of a block that is
  // read at once; and between them two in a row that are larger than it.
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    values.emplace_back(bytes * 3, 'x');
    if (bytes % 50 == 0) values.insert(values.end(), 2, std::string(bytes * 2'000 + 1, 'y'));
  }
  AppendAll(at, values);
  fixture_->Reopen();
  EXPECT_EQ(ValuesOf(FetchAll(at)), values);
  for (std::size_t i = 0; i < values.size(); i += 7) offsets.emplace_back(i);
  const auto each = log().FetchEach(at, offsets);
  ASSERT_TRUE(each.ok()) << each.error().ToString();
  for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ((*each)[i].value, values[i * 7]) << i;
}

TEST_P(ReopenedLogContract, GoesOnBehindTheLastRecord) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2"});
  fixture_->Reopen();
  AppendAll(at, {"3"});
  const auto records = FetchAll(at);
  EXPECT_THAT(ValuesOf(records), testing::ElementsAre("1", "2", "3"));
  EXPECT_LT(records[1].offset, records[2].offset);
}

TEST_P(ReopenedLogContract, KnowsEveryTopicWithoutRecords) {
  const TopicPartition at = MakeTopic("empty", 5);
  fixture_->Reopen();
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->partitions, 5);
  EXPECT_THAT(FetchAll(at), testing::IsEmpty());
}

TEST_P(ReopenedLogContract, KeepsTheOrderOfTimes) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1"});
  const std::int64_t first = FetchAll(at)[0].timestamp_ms;
  fixture_->Reopen();
  const auto found = log().OffsetForTime(at, first);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, Offset(0));
}

TEST_P(ReopenedLogContract, ManyTimesLosesNothing) {
  const TopicPartition at = MakeTopic("orders");
  std::vector<std::string> all;
  for (int round = 0; round < 5; ++round) {
    all.push_back(std::to_string(round));
    AppendAll(at, {all.back()});
    fixture_->Reopen();
  }
  EXPECT_EQ(ValuesOf(FetchAll(at)), all);
}

}  // namespace bitacora::event_store
