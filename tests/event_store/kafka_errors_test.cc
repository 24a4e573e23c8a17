#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/event_store/log.h>

#include "src/kafka/config.h"
#include "src/kafka/errors.h"

namespace bitacora::event_store::kafka {
namespace {

constexpr rd_kafka_msg_status_t kAbsent = RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
constexpr rd_kafka_msg_status_t kPerhaps = RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
constexpr rd_kafka_msg_status_t kPresent = RD_KAFKA_MSG_STATUS_PERSISTED;

std::vector<rd_kafka_resp_err_t> EveryError() {
  const rd_kafka_err_desc* descriptions = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&descriptions, &count);
  std::vector<rd_kafka_resp_err_t> codes;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_error = descriptions[i].name != nullptr &&
                          descriptions[i].code != RD_KAFKA_RESP_ERR_NO_ERROR &&
                          descriptions[i].code != RD_KAFKA_RESP_ERR__BEGIN &&
                          descriptions[i].code != RD_KAFKA_RESP_ERR__END;
    if (is_error) codes.push_back(descriptions[i].code);
  }
  return codes;
}

ErrorCode CodeOf(const Result<Offset>& outcome) {
  return outcome.ok() ? ErrorCode::kInternal : outcome.error().code();
}

TEST(ADeliveryReport, OfARecordThatMayBeInTheLogIsNeverANo) {
  for (const auto code : EveryError()) {
    EXPECT_EQ(CodeOf(DeliveryOutcome(code, kPerhaps, -1001)), ErrorCode::kTimeout)
        << rd_kafka_err2name(code);
    EXPECT_EQ(CodeOf(DeliveryOutcome(code, kPresent, -1001)), ErrorCode::kTimeout)
        << rd_kafka_err2name(code);
  }
}

TEST(ADeliveryReport, OfARecordThatWasNeverSentIsANo) {
  EXPECT_EQ(CodeOf(DeliveryOutcome(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, kAbsent, -1001)),
            ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(DeliveryOutcome(RD_KAFKA_RESP_ERR__PURGE_QUEUE, kAbsent, -1001)),
            ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(DeliveryOutcome(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, kAbsent, -1001)),
            ErrorCode::kNotFound);
}

TEST(ADeliveryReport, WithAnErrorOfTheBrokerThatMayHaveComeAfterTheWriteIsUnknown) {
  // librdkafka calls both "not persisted".
  EXPECT_EQ(CodeOf(DeliveryOutcome(RD_KAFKA_RESP_ERR_UNKNOWN, kAbsent, -1001)),
            ErrorCode::kTimeout);
  EXPECT_EQ(CodeOf(DeliveryOutcome(RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, kAbsent, -1001)),
            ErrorCode::kTimeout);
}

TEST(ADeliveryReport, WithoutAnOffsetIsASuccessAtAnUnknownPlace) {
  for (const std::int64_t offset : {-1, -1001}) {
    const auto outcome = DeliveryOutcome(RD_KAFKA_RESP_ERR_NO_ERROR, kPresent, offset);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(*outcome, Log::kOffsetUnknown);
  }
  EXPECT_EQ(*DeliveryOutcome(RD_KAFKA_RESP_ERR_NO_ERROR, kPresent, 0), Offset(0));
}

TEST(AnErrorOfKafka, OfACallThatChangesNothingIsNeverUnknown) {
  for (const auto code : EveryError()) {
    EXPECT_NE(FromKafka(code, "reading").code(), ErrorCode::kTimeout) << rd_kafka_err2name(code);
  }
}

TEST(AnErrorOfKafka, ThatPassesNamesTheProblemClientsKnow) {
  for (const auto code : EveryError()) {
    const Error error = FromKafka(code, "reading");
    if (error.code() == ErrorCode::kUnavailable) {
      EXPECT_EQ(error.reason(), "log-unavailable") << rd_kafka_err2name(code);
    }
    if (error.code() == ErrorCode::kResourceExhausted) {
      EXPECT_EQ(error.reason(), "overloaded") << rd_kafka_err2name(code);
    }
  }
}

TEST(AnErrorOfKafka, SaysWhatWasBeingDoneAndWhatKafkaSaid) {
  const Error error = FromKafka(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "reading orders/3");
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(error.message(), testing::StartsWith("reading orders/3: "));
  EXPECT_THAT(error.message(), testing::HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
}

KafkaLogOptions With(const std::string& name, const std::string& value) {
  KafkaLogOptions options;
  options.brokers = "127.0.0.1:9092";
  options.properties = {{name, value}};
  return options;
}

class PropertiesOfUsers : public testing::TestWithParam<Role> {};

TEST_P(PropertiesOfUsers, MayNotTouchWhatAdmitRestsOn) {
  for (const std::string name :
       {"isolation.level", "partitioner", "acks", "request.required.acks", "enable.idempotence",
        "auto.offset.reset", "transactional.id", "check.crcs", "allow.auto.create.topics",
        "delivery.report.only.error", "queuing.strategy", "bootstrap.servers", "batch.size"}) {
    const auto conf = MakeConf(With(name, "1"), GetParam());
    ASSERT_FALSE(conf.ok()) << name;
    EXPECT_EQ(conf.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(conf.error().message(), testing::HasSubstr(name));
  }
}

TEST_P(PropertiesOfUsers, ThatLibrdkafkaDoesNotTakeAreNamedWithoutTheirValue) {
  for (const auto& [name, value] : {std::pair<std::string, std::string>("no.such.property", "hush"),
                                    {"sasl.mechanism.of.mine", "hush"},
                                    {"socket.timeout.ms", "hush"}}) {
    const auto conf = MakeConf(With(name, value), GetParam());
    ASSERT_FALSE(conf.ok()) << name;
    EXPECT_EQ(conf.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(conf.error().message(), testing::HasSubstr(name));
    EXPECT_THAT(conf.error().message(), testing::Not(testing::HasSubstr(value)));
  }
}

TEST_P(PropertiesOfUsers, PassThrough) {
  const auto conf = MakeConf(With("client.id", "mine"), GetParam());
  ASSERT_TRUE(conf.ok()) << conf.error().ToString();
  char value[64];
  std::size_t size = sizeof(value);
  ASSERT_EQ(rd_kafka_conf_get(conf->get(), "client.id", value, &size), RD_KAFKA_CONF_OK);
  EXPECT_STREQ(value, "mine");
}

INSTANTIATE_TEST_SUITE_P(OfEachClient, PropertiesOfUsers,
                         testing::Values(Role::kProducer, Role::kReader, Role::kFetcher,
                                         Role::kAdmin));

}  // namespace
}  // namespace bitacora::event_store::kafka
