// Appending to Kafka when things go wrong, over librdkafka's mock cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/kafka_log_fixture.h"
#include "support/kafka_mock.h"

namespace bitacora::event_store {
namespace {

using support::AppendAndWait;
using support::KafkaMock;
using support::Plain;
using support::ReadAll;
using support::Soon;
using testing::ElementsAre;
using testing::IsEmpty;

class AppendingToKafka : public testing::Test {
 protected:
  explicit AppendingToKafka(int brokers = 1) : kafka_(brokers) { kafka_.MakeTopic(at_.topic, 1); }

  void Open(milliseconds append_timeout = std::chrono::seconds(10),
            std::vector<std::pair<std::string, std::string>> properties = {}) {
    KafkaLogOptions options;
    options.brokers = kafka_.brokers();
    options.append_timeout = append_timeout;
    options.properties = std::move(properties);
    log_ = support::OpenLog(options, metrics_);
    ASSERT_NE(log_, nullptr);
  }

  Result<Offset> Append(const std::string& value) {
    return AppendAndWait(*log_, at_, Plain(value));
  }

  const TopicPartition at_{TopicName("orders"), Partition(0)};
  KafkaMock kafka_;
  Metrics metrics_;
  std::unique_ptr<Log> log_;
};

// --- What a broker may answer
// ----------------------------------------------------------------------

struct Refusal {
  rd_kafka_resp_err_t error;
  int times;                         ///< In a row.
  std::optional<ErrorCode> outcome;  ///< Nothing: the append succeeds in the end.
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << rd_kafka_err2name(refusal.error) << " × " << refusal.times;
}

class ARefusalOfTheBroker : public AppendingToKafka, public testing::WithParamInterface<Refusal> {};

TEST_P(ARefusalOfTheBroker, BecomesAnAnswerThatIsNeverTooSure) {
  const Refusal refusal = GetParam();
  Open(milliseconds(1500));
  ASSERT_TRUE(Append("first").ok());  // Connected, and in sequence.
  kafka_.FailNext(KafkaMock::kProduce, std::vector<rd_kafka_resp_err_t>(
                                           static_cast<std::size_t>(refusal.times), refusal.error));
  const auto answer = Append("second");
  if (refusal.outcome) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), *refusal.outcome) << answer.error().ToString();
  } else {
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  }

  // Whatever it was, the log works on.
  kafka_.ClearErrors(KafkaMock::kProduce);
  const Deadline deadline = Soon();
  while (!Append("third").ok()) ASSERT_LT(SystemClock().Now(), deadline);
  EXPECT_EQ(ReadAll(*log_, at_).back(), "third");
}

constexpr int kAlways = 1000;

INSTANTIATE_TEST_SUITE_P(
    OfProduce, ARefusalOfTheBroker,
    testing::Values(
        // Librdkafka tries these again, until the record's time is over.
        Refusal{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 1, std::nullopt},
        Refusal{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1, std::nullopt},
        Refusal{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, std::nullopt},
        Refusal{RD_KAFKA_RESP_ERR__TRANSPORT, 1, std::nullopt},
        Refusal{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, kAlways, ErrorCode::kUnavailable},
        Refusal{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, kAlways, ErrorCode::kUnavailable},
        Refusal{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, kAlways, ErrorCode::kTimeout},
        Refusal{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, kAlways, ErrorCode::kTimeout},
        Refusal{RD_KAFKA_RESP_ERR__TRANSPORT, kAlways, ErrorCode::kTimeout},
        // These are final.
        Refusal{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, ErrorCode::kInvalidArgument},
        Refusal{RD_KAFKA_RESP_ERR_INVALID_RECORD, 1, ErrorCode::kInvalidArgument},
        Refusal{RD_KAFKA_RESP_ERR_INVALID_MSG, 1, ErrorCode::kUnavailable},
        Refusal{RD_KAFKA_RESP_ERR_UNKNOWN, 1, ErrorCode::kTimeout},
        // A sequence the broker disagrees with: librdkafka's producer is broken for good.
        Refusal{RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1, ErrorCode::kTimeout}));

TEST_F(AppendingToKafka, ARecordTheBrokerAlreadyHasIsASuccessAtAnUnknownPlace) {
  Open();
  ASSERT_TRUE(Append("first").ok());
  kafka_.FailNext(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER});
  const auto answer = Append("second");
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ(*answer, Log::kOffsetUnknown);
}

TEST_F(AppendingToKafka, AnAnswerThatComesTooLateIsUnknownAndTheRecordMayBeThere) {
  Open(milliseconds(1000));
  ASSERT_TRUE(Append("first").ok());
  kafka_.SetRoundTrip(1, 4000);
  const auto answer = Append("second");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kTimeout) << answer.error().ToString();
  kafka_.SetRoundTrip(1, 0);
  // The mock had appended it: "not there" would have been a lie.
  EXPECT_THAT(ReadAll(*log_, at_), ElementsAre("first", "second"));
}

// --- The producer that broke
// -----------------------------------------------------------------------

TEST_F(AppendingToKafka, AFatalErrorReplacesTheProducerAndIsCounted) {
  Open();
  ASSERT_TRUE(Append("first").ok());
  kafka_.FailNext(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  EXPECT_FALSE(Append("second").ok());
  const Deadline deadline = Soon();
  while (!Append("third").ok()) ASSERT_LT(SystemClock().Now(), deadline);
  EXPECT_TRUE(log_->Writable().ok());
  EXPECT_THAT(metrics_.Expose(), testing::HasSubstr("bitacora_kafka_producers_replaced_total 1"));
}

TEST_F(AppendingToKafka, EveryRecordInFlightIsAnsweredOnceWhenTheProducerBreaks) {
  constexpr std::size_t kRecords = 500;
  Open();
  ASSERT_TRUE(Append("first").ok());
  kafka_.SetRoundTrip(1, 20);
  const auto answers = std::make_shared<support::Answers>();
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (i == kRecords / 2) {
      kafka_.FailNext(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
    }
    log_->Append(at_, Plain(std::to_string(i)),
                 [answers, take = answers->Take()](auto answer) { take(std::move(answer)); });
  }
  std::size_t durable = 0;
  for (const auto& answer : answers->WaitFor(kRecords)) durable += answer.ok() ? 1 : 0;
  kafka_.SetRoundTrip(1, 0);
  log_.reset();
  EXPECT_EQ(answers->size(), kRecords);
  Open();
  EXPECT_GE(ReadAll(*log_, at_).size(), durable + 1);
}

// --- Full, away, closing
// ---------------------------------------------------------------------------

TEST_F(AppendingToKafka, AFullQueueIsRefusedAtOnce) {
  Open(std::chrono::seconds(10), {{"queue.buffering.max.messages", "5"}});
  ASSERT_TRUE(Append("first").ok());
  kafka_.SetRoundTrip(1, 3'000);
  const auto answers = std::make_shared<support::Answers>();
  const Deadline begun = SystemClock().Now();
  for (int i = 0; i < 6; ++i) {
    log_->Append(at_, Plain("waiting"),
                 [answers, take = answers->Take()](auto answer) { take(std::move(answer)); });
  }
  const auto first = answers->WaitFor(1)[0];
  EXPECT_LT(SystemClock().Now() - begun, milliseconds(2'000));
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().code(), ErrorCode::kResourceExhausted);
  for (const auto& answer : answers->WaitFor(6)) {
    EXPECT_EQ(answer.ok(),
              !(!answer.ok() && answer.error().code() == ErrorCode::kResourceExhausted));
  }
}

TEST_F(AppendingToKafka, WithNoBrokerThereARecordIsCertainlyNotAppended) {
  kafka_.TakeDown(1);
  Open(milliseconds(500));
  EXPECT_EQ(log_->Writable().error().code(), ErrorCode::kUnavailable);
  const auto answer = Append("never");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable) << answer.error().ToString();
}

TEST_F(AppendingToKafka, TheLogBecomesUsableWhenKafkaComes) {
  kafka_.TakeDown(1);
  Open();
  EXPECT_FALSE(log_->Writable().ok());
  EXPECT_EQ(log_->id(), "");
  kafka_.BringUp(1);
  EXPECT_TRUE(Append("first").ok());
  EXPECT_TRUE(log_->Writable().ok());
}

TEST_F(AppendingToKafka, AKafkaThatGoesAwayIsNoticedAndItsReturnToo) {
  Open();
  ASSERT_TRUE(Append("first").ok());
  kafka_.TakeDown(1);
  Deadline deadline = Soon();
  while (log_->Writable().ok()) ASSERT_LT(SystemClock().Now(), deadline);
  EXPECT_EQ(log_->Writable().error().code(), ErrorCode::kUnavailable);
  kafka_.BringUp(1);
  deadline = Soon();
  while (!log_->Writable().ok()) ASSERT_LT(SystemClock().Now(), deadline);
  EXPECT_TRUE(Append("second").ok());
}

TEST_F(AppendingToKafka, ClosingTheLogAnswersWhatIsInFlight) {
  Open(milliseconds(1500));
  ASSERT_TRUE(Append("first").ok());
  kafka_.SetRoundTrip(1, 200);
  const auto answers = std::make_shared<support::Answers>();
  for (int i = 0; i < 100; ++i) {
    log_->Append(at_, Plain("late"),
                 [answers, take = answers->Take()](auto answer) { take(std::move(answer)); });
  }
  log_.reset();
  EXPECT_EQ(answers->size(), 100u);
}

// --- Several brokers
// -------------------------------------------------------------------------------

class AppendingToThreeBrokers : public AppendingToKafka {
 protected:
  AppendingToThreeBrokers() : AppendingToKafka(3) {}
};

TEST_F(AppendingToThreeBrokers, GoesOnWithAnotherLeader) {
  Open();
  kafka_.SetLeader(at_, 1);
  ASSERT_TRUE(Append("first").ok());
  kafka_.SetLeader(at_, 2);
  kafka_.TakeDown(1);
  const auto answer = Append("second");
  EXPECT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_THAT(ReadAll(*log_, at_), ElementsAre("first", "second"));
}

}  // namespace
}  // namespace bitacora::event_store
