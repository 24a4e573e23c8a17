// The contract over a real Kafka.
#include <bitacora/event_store/kafka_log.h>

#include "contract/log_contract.h"
#include "support/kafka_broker.h"

namespace bitacora::event_store {
namespace {

class BrokerFixture final : public LogFixture {
 public:
  BrokerFixture() { Reopen(); }

  Log& log() override { return *log_; }

  void Reopen() override {
    log_.reset();
    KafkaLogOptions options;
    options.brokers = support::TestKafka();
    auto opened = OpenKafkaLog(options, metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    log_ = std::move(*opened);
    ASSERT_TRUE(log_->Topics().ok());  // It connects lazily; this waits for the first contact.
  }

  TopicName UniqueName(const std::string& name) override {
    return TopicName(support::UniqueTopic(name));
  }

 private:
  Metrics metrics_;
  std::unique_ptr<Log> log_;
};

std::unique_ptr<LogFixture> MakeFixture() { return std::make_unique<BrokerFixture>(); }

INSTANTIATE_TEST_SUITE_P(Broker, LogContract, testing::Values(LogFactory(&MakeFixture)));
INSTANTIATE_TEST_SUITE_P(Broker, LogReaderContract, testing::Values(LogFactory(&MakeFixture)));
INSTANTIATE_TEST_SUITE_P(Broker, TopicCreationContract, testing::Values(LogFactory(&MakeFixture)));
INSTANTIATE_TEST_SUITE_P(Broker, ReopenedLogContract, testing::Values(LogFactory(&MakeFixture)));

}  // namespace
}  // namespace bitacora::event_store
