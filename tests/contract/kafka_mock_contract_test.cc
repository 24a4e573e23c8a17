// The contract over librdkafka's in-process mock: everything the mock can do, without a JVM.
#include <thread>

#include <bitacora/event_store/kafka_log.h>

#include "contract/log_contract.h"
#include "support/kafka_mock.h"

namespace bitacora::event_store {
namespace {

class MockFixture final : public LogFixture {
 public:
  MockFixture() { Reopen(); }

  Log& log() override { return *log_; }

  void Reopen() override {
    log_.reset();
    KafkaLogOptions options;
    options.brokers = kafka_.brokers();
    auto opened = OpenKafkaLog(options, metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    log_ = std::move(*opened);
    // It connects lazily; this waits for the first contact, and until the log knows of it too.
    ASSERT_TRUE(log_->Latest({TopicName("contact"), Partition(0)}).ok());
    const Deadline deadline = SystemClock().Now() + std::chrono::seconds(30);
    while (log_->id().empty() && SystemClock().Now() < deadline) std::this_thread::yield();
  }

  Status MakeTopic(const TopicName& topic, std::int32_t partitions) override {
    kafka_.MakeTopic(topic, partitions);
    return {};
  }

 private:
  // The mock makes a topic that somebody asks for, unless told otherwise.
  struct Mock : support::KafkaMock {
    Mock() { MakeTopic(TopicName("contact"), 1); }
  };

  Metrics metrics_;
  Mock kafka_;
  std::unique_ptr<Log> log_;
};

std::unique_ptr<LogFixture> MakeFixture() { return std::make_unique<MockFixture>(); }

INSTANTIATE_TEST_SUITE_P(Mock, LogContract, testing::Values(LogFactory(&MakeFixture)));
INSTANTIATE_TEST_SUITE_P(Mock, LogReaderContract, testing::Values(LogFactory(&MakeFixture)));
INSTANTIATE_TEST_SUITE_P(Mock, ReopenedLogContract, testing::Values(LogFactory(&MakeFixture)));

}  // namespace
}  // namespace bitacora::event_store
