#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/thread.h>
#include <bitacora/event_store/kafka_log.h>

#include "src/kafka/admin.h"
#include "src/kafka/fetcher.h"
#include "src/kafka/producer.h"
#include "src/kafka/reachability.h"
#include "src/kafka/reader.h"
#include "src/kafka/worker.h"

namespace bitacora::event_store {
namespace kafka {
namespace {

/// While Kafka does not answer it is asked this often; and for so long each time.
constexpr milliseconds kAskWhileAway{500};
constexpr milliseconds kAnswerWhileAway{1000};
/// While it does, a silent Kafka is found after at most the sum.
constexpr milliseconds kAskWhileThere{5000};
constexpr milliseconds kAnswerWhileThere{3000};

class KafkaLog final : public Log {
 public:
  KafkaLog(const KafkaLogOptions& options, Metrics& metrics)
      : options_(options), metrics_(metrics), reachability_(metrics) {}

  Status Start() {
    BITACORA_ASSIGN_OR_RETURN(admin_, Admin::Open(options_, reachability_));
    checks_ = std::make_unique<Worker>("kafka-check");
    retirement_ = std::make_unique<Worker>("kafka-retire");
    BITACORA_ASSIGN_OR_RETURN(producer_,
                              Producer::Open(options_, metrics_, reachability_, *retirement_));
    fetcher_ = std::make_unique<Fetcher>(options_, metrics_, *admin_);
    prober_ = StartThread("kafka-probe", [this](const std::stop_token& stop) { Probe(stop); });
    return {};
  }

  std::string id() const override { return admin_->cluster_id(); }

  // Questions about topics are not put to a Kafka that is away: they would wait for all their time.
  // The prober finds out when it is back.
  Result<std::vector<TopicDescription>> Topics() override {
    BITACORA_RETURN_IF_ERROR(reachability_.known());
    auto topics = admin_->Topics();
    if (topics.ok()) {
      for (const TopicDescription& topic : *topics) producer_->Learn(topic);
    }
    return topics;
  }

  Result<TopicDescription> Describe(const TopicName& topic) override {
    BITACORA_RETURN_IF_ERROR(reachability_.known());
    auto described = admin_->Describe(topic);
    if (described.ok()) producer_->Learn(*described);
    if (!described.ok() && described.error().code() == ErrorCode::kNotFound) {
      producer_->LearnAbsent(topic);
    }
    return described;
  }

  Status CreateTopic(const TopicName& topic, std::int32_t partitions) override {
    BITACORA_RETURN_IF_ERROR(reachability_.known());
    return admin_->CreateTopic(topic, partitions);
  }

  void Append(const TopicPartition& at, Record record, AppendCallback callback) override {
    producer_->Append(at, std::move(record), std::move(callback));
  }

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return Reader::Open(options_, metrics_, reachability_, *admin_, *checks_, readers_);
  }

  Result<Fetched> Fetch(const TopicPartition& at, Offset from, const FetchLimits& limits) override {
    return fetcher_->Fetch(at, from, limits);
  }

  Result<Offset> Earliest(const TopicPartition& at) override { return admin_->Earliest(at); }
  Result<Offset> Latest(const TopicPartition& at) override { return admin_->Latest(at); }
  Result<std::vector<Bounds>> BoundsOf(const TopicName& topic, std::int32_t partitions) override {
    return admin_->BoundsOf(topic, partitions);
  }
  Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) override {
    return admin_->OffsetForTime(at, wall_ms);
  }

  Status Writable() const override {
    BITACORA_RETURN_IF_ERROR(reachability_.status());
    return producer_->Ready();
  }

  std::uint64_t Connections() const override { return reachability_.connections(); }

  Status Checkpoint(const std::string&) override { return {}; }

 private:
  void Probe(const std::stop_token& stop) {
    std::mutex waiting;
    std::condition_variable_any stopped;
    while (!stop.stop_requested()) {
      const bool there = reachability_.answers();
      admin_->Probe(there ? kAnswerWhileThere : kAnswerWhileAway);
      fetcher_->DropUnused();
      std::unique_lock lock(waiting);
      stopped.wait_for(lock, stop, reachability_.answers() ? kAskWhileThere : kAskWhileAway,
                       [] { return false; });
    }
  }

  // Destroyed from the last to the first: nobody asks any more; the appends get their answers,
  // those of a producer in retirement too; the checks of readers end; then nothing uses admin_.
  const KafkaLogOptions options_;
  Metrics& metrics_;
  Reachability reachability_;
  std::atomic<int> readers_{0};
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<Worker> checks_;
  std::unique_ptr<Worker> retirement_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Fetcher> fetcher_;
  std::jthread prober_;
};

}  // namespace
}  // namespace kafka

Result<std::unique_ptr<Log>> OpenKafkaLog(const KafkaLogOptions& options, Metrics& metrics) {
  auto log = std::make_unique<kafka::KafkaLog>(options, metrics);
  BITACORA_RETURN_IF_ERROR(log->Start());
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace bitacora::event_store
