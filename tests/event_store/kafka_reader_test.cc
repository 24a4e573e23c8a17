// Following partitions of Kafka when things go wrong, over librdkafka's mock cluster.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/kafka_log_fixture.h"
#include "support/kafka_mock.h"

namespace bitacora::event_store {
namespace {

using support::AppendAndWait;
using support::EndsWithEndOrError;
using support::KafkaMock;
using support::Plain;
using support::PollUntil;
using support::Soon;
using support::ValuesOf;
using testing::ElementsAre;

class ReadingFromKafka : public testing::Test {
 protected:
  explicit ReadingFromKafka(int brokers = 1) : kafka_(brokers) {
    kafka_.MakeTopic(at_.topic, 4);
    KafkaLogOptions options;
    options.brokers = kafka_.brokers();
    log_ = support::OpenLog(options, metrics_);
    reader_ = std::move(*log_->NewReader());
  }

  void Append(const std::string& value) {
    const auto answer = AppendAndWait(*log_, at_, Plain(value));
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  }
  void Assign(Offset from = Offset(0), std::uint64_t tag = 0) {
    ASSERT_TRUE(reader_->Assign(at_, from, tag).ok());
  }
  std::vector<ReadEvent> PollUntilCount(std::size_t records) {
    return PollUntil(*reader_,
                     [&](const auto& events) { return ValuesOf(events).size() >= records; });
  }

  const TopicPartition at_{TopicName("orders"), Partition(0)};
  KafkaMock kafka_;
  Metrics metrics_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
};

TEST_F(ReadingFromKafka, LostConnectionsLoseNoRecord) {
  Append("1");
  Assign();
  PollUntilCount(1);
  for (const std::string value : {"2", "3", "4"}) {
    kafka_.FailNext(KafkaMock::kFetch, {RD_KAFKA_RESP_ERR__TRANSPORT});
    Append(value);
    EXPECT_THAT(ValuesOf(PollUntilCount(1)), ElementsAre(value));
  }
}

TEST_F(ReadingFromKafka, AnOffsetRefusedForAMomentIsReadAllTheSame) {
  Append("1");
  Append("2");
  kafka_.FailNext(KafkaMock::kFetch, {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE});
  Assign(Offset(1));
  EXPECT_THAT(ValuesOf(PollUntilCount(1)), ElementsAre("2"));
}

TEST_F(ReadingFromKafka, TheEndIsToldWithTheLastRecordAndNotByAWaitingFetch) {
  Append("1");
  Append("2");
  KafkaLogOptions options;
  options.brokers = kafka_.brokers();
  options.properties = {{"fetch.wait.max.ms", "300000"}};
  const auto patient = support::OpenLog(options, metrics_);
  reader_ = std::move(*patient->NewReader());
  Assign();
  const auto events = PollUntil(*reader_, EndsWithEndOrError);
  EXPECT_THAT(ValuesOf(events), ElementsAre("1", "2"));
  EXPECT_EQ(events.back().kind, ReadEvent::Kind::kEnd);
  EXPECT_EQ(events.back().end, Offset(2));
  reader_.reset();
}

TEST_F(ReadingFromKafka, EventsOfBeforeAreGoneOnceItIsAssignedAnew) {
  constexpr std::uint64_t kMoves = 200;
  constexpr std::int64_t kRecords = 300;
  const auto answers = std::make_shared<support::Answers>();
  for (std::int64_t i = 0; i < kRecords; ++i) {
    log_->Append(at_, Plain(std::to_string(i)),
                 [answers, take = answers->Take()](auto answer) { take(std::move(answer)); });
  }
  answers->WaitFor(static_cast<std::size_t>(kRecords));

  std::atomic<std::uint64_t> assigned{0};
  std::jthread mover([&](const std::stop_token& stop) {
    for (std::uint64_t tag = 1; tag <= kMoves && !stop.stop_requested(); ++tag) {
      ASSERT_TRUE(reader_->Assign(at_, Offset(static_cast<std::int64_t>(tag % 50)), tag).ok());
      assigned = tag;
      if (tag % 10 == 0) reader_->Unassign({at_.topic, Partition(1)});
    }
  });
  std::uint64_t tag = 0;
  std::int64_t next = 0;
  bool done = false;
  const Deadline deadline = Soon();
  while (!done) {
    ASSERT_LT(SystemClock().Now(), deadline);
    const std::uint64_t at_least = assigned;
    std::vector<ReadEvent> events;
    static_cast<void>(reader_->Poll(100, deadline, &events).ok());
    for (const ReadEvent& event : events) {
      ASSERT_GE(event.tag, at_least);
      ASSERT_GE(event.tag, tag);
      if (event.tag > tag) next = static_cast<std::int64_t>(event.tag % 50);
      tag = event.tag;
      ASSERT_NE(event.kind, ReadEvent::Kind::kError) << event.error.ToString();
      if (event.kind == ReadEvent::Kind::kEnd) {
        ASSERT_EQ(next, kRecords);
        done = tag == kMoves;
        continue;
      }
      ASSERT_EQ(event.record.offset.value, next);
      ++next;
    }
  }
}

TEST_F(ReadingFromKafka, AnUnassignedPartitionIsNotReadAndMayComeBack) {
  Append("1");
  Assign(Offset(0), 1);
  PollUntilCount(1);
  reader_->Unassign(at_);
  Append("2");
  const TopicPartition other{at_.topic, Partition(1)};
  ASSERT_TRUE(reader_->Assign(other, Offset(0), 2).ok());
  const auto events = PollUntil(*reader_, EndsWithEndOrError);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].tag, 2u);
  Assign(Offset(1), 3);
  EXPECT_THAT(ValuesOf(PollUntilCount(1)), ElementsAre("2"));
}

TEST_F(ReadingFromKafka, SaysThatKafkaIsAwayAndGoesOnWhenItIsBack) {
  Append("1");
  Assign();
  PollUntilCount(1);
  kafka_.TakeDown(1);
  const Deadline deadline = Soon();
  while (true) {
    ASSERT_LT(SystemClock().Now(), deadline);
    std::vector<ReadEvent> events;
    const Status polled = reader_->Poll(10, SystemClock().Now() + milliseconds(50), &events);
    if (polled.ok()) continue;
    EXPECT_EQ(polled.error().code(), ErrorCode::kUnavailable);
    break;
  }
  kafka_.BringUp(1);
  Append("2");
  EXPECT_THAT(ValuesOf(PollUntilCount(1)), ElementsAre("2"));
}

TEST_F(ReadingFromKafka, ThereIsALimitToReaders) {
  std::vector<std::unique_ptr<LogReader>> readers;
  Result<std::unique_ptr<LogReader>> next = log_->NewReader();
  for (; next.ok(); next = log_->NewReader()) {
    readers.push_back(std::move(*next));
    ASSERT_LT(readers.size(), 100u);
  }
  EXPECT_EQ(next.error().code(), ErrorCode::kResourceExhausted);
  readers.pop_back();
  EXPECT_TRUE(log_->NewReader().ok());
}

class ReadingFromThreeBrokers : public ReadingFromKafka {
 protected:
  ReadingFromThreeBrokers() : ReadingFromKafka(3) {}
};

TEST_F(ReadingFromThreeBrokers, FollowsTheLeader) {
  kafka_.SetLeader(at_, 1);
  Append("1");
  Assign();
  PollUntilCount(1);
  kafka_.SetLeader(at_, 2);
  kafka_.TakeDown(1);
  Append("2");
  EXPECT_THAT(ValuesOf(PollUntilCount(1)), ElementsAre("2"));
}

}  // namespace
}  // namespace bitacora::event_store
