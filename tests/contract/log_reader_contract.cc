#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "contract/log_contract.h"

namespace bitacora::event_store {

TEST_P(LogReaderContract, GivesWhatIsThereThenTheEnd) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at, Offset(0), 42);

  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("1", "2", "3"));
  ASSERT_EQ(events.back().kind, ReadEvent::Kind::kEnd);
  EXPECT_EQ(events.back().end, events[2].record.offset.Next());
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 42u);
}

TEST_P(LogReaderContract, GivesTheEndOfAnEmptyPartition) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, ReadEvent::Kind::kEnd);
}

TEST_P(LogReaderContract, GivesWhatIsAppendedLaterThenTheEndAgain) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  AppendAll(at, {"1"});
  const auto first = PollToEnd();
  EXPECT_THAT(ValuesOf(first), testing::ElementsAre("1"));
  EXPECT_EQ(first.back().kind, ReadEvent::Kind::kEnd);
  AppendAll(at, {"2"});
  const auto second = PollToEnd();
  EXPECT_THAT(ValuesOf(second), testing::ElementsAre("2"));
  EXPECT_EQ(second.back().kind, ReadEvent::Kind::kEnd);
}

TEST_P(LogReaderContract, BeginsWhereItIsTold) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at, FetchAll(at)[1].offset);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("2", "3"));
}

TEST_P(LogReaderContract, ReadsManyPartitionsEachInOrder) {
  constexpr int kPartitions = 4;
  const TopicPartition at = MakeTopic("orders", kPartitions);
  for (int partition = 0; partition < kPartitions; ++partition) {
    const TopicPartition here{at.topic, Partition(partition)};
    AppendAll(here, {"1", "2", "3"});
    Assign(here, Offset(0), static_cast<std::uint64_t>(partition));
  }
  const auto events = PollUntil([](const auto& seen) {
    return std::count_if(seen.begin(), seen.end(), [](const ReadEvent& event) {
             return event.kind == ReadEvent::Kind::kEnd;
           }) >= kPartitions;
  });
  std::vector<std::vector<std::string>> by_partition(kPartitions);
  for (const ReadEvent& event : events) {
    ASSERT_NE(event.kind, ReadEvent::Kind::kError) << event.error.ToString();
    if (event.kind != ReadEvent::Kind::kRecord) continue;
    by_partition[event.tag].emplace_back(event.record.value);
  }
  EXPECT_THAT(by_partition, testing::Each(testing::ElementsAre("1", "2", "3")));
}

TEST_P(LogReaderContract, ReturnsAtMostWhatWasAskedFor) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at);
  std::vector<ReadEvent> all;
  const Deadline deadline = Soon();
  while (ValuesOf(all).size() < 3 && SystemClock().Now() < deadline) {
    std::vector<ReadEvent> events;
    static_cast<void>(reader_->Poll(1, deadline, &events).ok());
    EXPECT_LE(events.size(), 1u);
    all.insert(all.end(), events.begin(), events.end());
  }
  EXPECT_THAT(ValuesOf(all), testing::ElementsAre("1", "2", "3"));
}

TEST_P(LogReaderContract, AssigningAgainMovesIt) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2"});
  Assign(at, Offset(0), 1);
  PollToEnd();
  Assign(at, Offset(0), 2);
  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("1", "2"));
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 2u);
}

TEST_P(LogReaderContract, ReturnsNothingMoreOfAnUnassignedPartition) {
  const TopicPartition left = MakeTopic("orders", 2);
  const TopicPartition kept{left.topic, Partition(1)};
  Assign(left, Offset(0), 1);
  Assign(kept, Offset(0), 2);
  PollUntil([](const auto& events) { return events.size() >= 2; });
  reader_->Unassign(left);
  AppendAll(left, {"unseen"});
  AppendAll(kept, {"seen"});
  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("seen"));
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 2u);
}

TEST_P(LogReaderContract, SaysThatAPartitionIsNotThere) {
  const TopicPartition at{MakeTopic("orders").topic, Partition(7)};
  // A log that knows at once may say so at once.
  if (const Status assigned = reader_->Assign(at, Offset(0), 5); !assigned.ok()) {
    EXPECT_EQ(assigned.error().code(), ErrorCode::kNotFound);
    return;
  }
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].kind, ReadEvent::Kind::kError);
  EXPECT_EQ(events[0].tag, 5u);
  EXPECT_EQ(events[0].error.code(), ErrorCode::kNotFound) << events[0].error.ToString();
}

TEST_P(LogReaderContract, SaysThatTheLogWentBackAndGoesOnWithTheRest) {
  const TopicPartition ahead = MakeTopic("orders", 2);
  const TopicPartition sound{ahead.topic, Partition(1)};
  Assign(ahead, Offset(1'000), 1);
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].kind, ReadEvent::Kind::kError);
  EXPECT_EQ(events[0].error.reason(), "log-moved-backwards") << events[0].error.ToString();

  AppendAll(sound, {"1"});
  Assign(sound, Offset(0), 2);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1"));
}

TEST_P(LogReaderContract, ReturnsAtTheDeadline) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  std::vector<ReadEvent> events;
  const Deadline deadline = SystemClock().Now() + milliseconds(20);
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_GE(SystemClock().Now(), deadline);
  EXPECT_THAT(events, testing::IsEmpty());
}

TEST_P(LogReaderContract, WakeEndsARunningPoll) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  const Deadline deadline = Soon();
  std::jthread waker([&] { reader_->Wake(); });
  std::vector<ReadEvent> events;
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_LT(SystemClock().Now(), deadline);
}

TEST_P(LogReaderContract, WakeEndsTheNextPoll) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  reader_->Wake();
  const Deadline deadline = Soon();
  std::vector<ReadEvent> events;
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_LT(SystemClock().Now(), deadline);
}

TEST_P(LogReaderContract, ReadsWhileOthersAppendAndMissesNothing) {
  constexpr int kRecords = 500;
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  std::jthread writer([&] {
    for (int i = 0; i < kRecords; ++i) {
      const auto offset = AppendAndWait(at, Plain(std::to_string(i)));
      EXPECT_TRUE(offset.ok());
    }
  });
  const auto events = PollUntil([](const auto& seen) { return ValuesOf(seen).size() >= kRecords; });
  std::vector<std::string> expected;
  for (int i = 0; i < kRecords; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(ValuesOf(events), expected);
}

TEST_P(LogReaderContract, TwoReadersEachGetEverything) {
  const TopicPartition at = MakeTopic("orders");
  auto other = log().NewReader();
  ASSERT_TRUE(other.ok());
  AppendAll(at, {"1", "2"});
  Assign(at);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1", "2"));
  reader_ = std::move(*other);
  Assign(at);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1", "2"));
}

}  // namespace bitacora::event_store
