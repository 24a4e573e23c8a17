// KafkaLog beside bare librdkafka on the same broker, in turns:
//
//   kafka_log_bench BROKERS [SECONDS] [PROPERTY=VALUE…]
//
// "in flight N": N records are under way; when the reader meets one, the next is appended. So a
// latency is that of append and read-back together, which is what a verdict takes. "replay": all of
// those records are read again from the start.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

#include <bitacora/base/uuid.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

#include "support/kafka.h"

namespace {

using namespace bitacora;               // NOLINT: a program of one file
using namespace bitacora::event_store;  // NOLINT
using SteadyClock = std::chrono::steady_clock;

constexpr int kPartitions = 4;
constexpr std::size_t kValueBytes = 256;

struct Stamp {
  std::uint64_t slot;
  std::int64_t sent_ns;
};

std::int64_t NowNs() { return SteadyClock::now().time_since_epoch().count(); }

std::string StampedValue(std::uint64_t slot) {
  std::string value(kValueBytes, 'v');
  const Stamp stamp{slot, NowNs()};
  std::memcpy(value.data(), &stamp, sizeof(stamp));
  return value;
}

Stamp StampOf(std::string_view value) {
  Stamp stamp{};
  if (value.size() >= sizeof(stamp)) std::memcpy(&stamp, value.data(), sizeof(stamp));
  return stamp;
}

/// One of the two contestants.
class Path {
 public:
  virtual ~Path() = default;
  virtual void ReadFromEnd() = 0;
  virtual void ReadFromStart() = 0;
  virtual void Send(std::uint64_t slot) = 0;
  /// Calls `met` with the value of each record that has come.
  virtual void Receive(const std::function<void(std::string_view)>& met) = 0;
};

class OurPath final : public Path {
 public:
  OurPath(const KafkaLogOptions& options, TopicName topic) : topic_(std::move(topic)) {
    log_ = std::move(*OpenKafkaLog(options, metrics_));
    reader_ = std::move(*log_->NewReader());
  }
  void ReadFromEnd() override {
    Assign([&](const auto& at) { return *log_->Latest(at); });
  }
  void ReadFromStart() override {
    Assign([](const auto&) { return Offset(0); });
  }
  void Send(std::uint64_t slot) override {
    Record record;
    record.key = "stream-" + std::to_string(slot);
    record.value = StampedValue(slot);
    log_->Append({topic_, Partition(static_cast<int>(slot % kPartitions))}, std::move(record),
                 [](const Result<Offset>& answer) {
                   if (!answer.ok()) std::abort();
                 });
  }
  void Receive(const std::function<void(std::string_view)>& met) override {
    events_.clear();
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(100);
    static_cast<void>(reader_->Poll(1000, deadline, &events_).ok());
    for (const ReadEvent& event : events_) {
      if (event.kind == ReadEvent::Kind::kRecord) met(event.record.value);
    }
  }

 private:
  template <typename From>
  void Assign(From&& from) {
    for (int partition = 0; partition < kPartitions; ++partition) {
      const TopicPartition at{topic_, Partition(partition)};
      static_cast<void>(reader_->Assign(at, from(at), 0).ok());
    }
  }

  TopicName topic_;
  Metrics metrics_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::vector<ReadEvent> events_;
};

class BarePath final : public Path {
 public:
  BarePath(const KafkaLogOptions& options, const std::string& topic) {
    producer_ = Make(RD_KAFKA_PRODUCER, options,
                     {{"enable.idempotence", "true"}, {"acks", "all"}, {"linger.ms", "0"}});
    consumer_ = Make(RD_KAFKA_CONSUMER, options,
                     {{"isolation.level", "read_committed"},
                      {"check.crcs", "true"},
                      {"fetch.wait.max.ms", "100"}});
    produced_ = rd_kafka_topic_new(producer_, topic.c_str(), nullptr);
    consumed_ = rd_kafka_topic_new(consumer_, topic.c_str(), nullptr);
    queue_ = rd_kafka_queue_new(consumer_);
    poller_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) rd_kafka_poll(producer_, 100);
    });
  }
  ~BarePath() override {
    poller_ = {};
    Stop();
    rd_kafka_queue_destroy(queue_);
    rd_kafka_flush(producer_, 10'000);
    rd_kafka_topic_destroy(produced_);
    rd_kafka_topic_destroy(consumed_);
    rd_kafka_destroy(producer_);
    rd_kafka_destroy(consumer_);
  }
  void ReadFromEnd() override { Start(RD_KAFKA_OFFSET_END); }
  void ReadFromStart() override { Start(0); }
  void Send(std::uint64_t slot) override {
    std::string key = "stream-" + std::to_string(slot);
    std::string value = StampedValue(slot);
    rd_kafka_produce(produced_, static_cast<int>(slot % kPartitions), RD_KAFKA_MSG_F_COPY,
                     value.data(), value.size(), key.data(), key.size(), nullptr);
  }
  void Receive(const std::function<void(std::string_view)>& met) override {
    int wait_ms = 100;
    for (int i = 0; i < 1000; ++i, wait_ms = 0) {
      rd_kafka_message_t* message = rd_kafka_consume_queue(queue_, wait_ms);
      if (message == nullptr) return;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        met({static_cast<const char*>(message->payload), message->len});
      }
      rd_kafka_message_destroy(message);
    }
  }

 private:
  static rd_kafka_t* Make(rd_kafka_type_t type, const KafkaLogOptions& options,
                          bench::KafkaSettings settings) {
    settings.emplace_back("socket.nagle.disable", "true");
    settings.insert(settings.end(), options.properties.begin(), options.properties.end());
    return bench::MakeKafkaClient(type, options.brokers, settings);
  }
  void Start(std::int64_t from) {
    Stop();
    for (int partition = 0; partition < kPartitions; ++partition) {
      rd_kafka_consume_start_queue(consumed_, partition, from, queue_);
    }
    started_ = true;
    // An END is looked up on the way; what is sent before that would never come back.
    if (from == RD_KAFKA_OFFSET_END) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  void Stop() {
    for (int partition = 0; started_ && partition < kPartitions; ++partition) {
      rd_kafka_consume_stop(consumed_, partition);
    }
    started_ = false;
  }

  rd_kafka_t* producer_;
  rd_kafka_t* consumer_;
  rd_kafka_topic_t* produced_;
  rd_kafka_topic_t* consumed_;
  rd_kafka_queue_t* queue_;
  bool started_ = false;
  std::jthread poller_;
};

struct Measured {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Measured ReadBack(Path& path, std::size_t in_flight, std::chrono::seconds length) {
  std::vector<std::int64_t> latencies;
  bool warm = false;
  std::size_t open = 0;
  bool sending = true;
  const auto receive = [&] {
    path.Receive([&](std::string_view value) {
      const Stamp stamp = StampOf(value);
      if (warm) latencies.push_back(NowNs() - stamp.sent_ns);
      --open;
      if (!sending) return;
      path.Send(stamp.slot);
      ++open;
    });
  };
  path.ReadFromEnd();
  for (std::size_t slot = 0; slot < in_flight; ++slot, ++open) path.Send(slot);
  const auto run = [&](std::chrono::milliseconds for_so_long) {
    const auto end = SteadyClock::now() + for_so_long;
    while (SteadyClock::now() < end) receive();
  };
  run(std::chrono::milliseconds(1000));
  warm = true;
  const auto begun = SteadyClock::now();
  run(length);
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begun).count();
  warm = sending = false;
  while (open > 0) receive();
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    if (latencies.empty()) return 0.0;
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
    return static_cast<double>(latencies[index]) / 1000;
  };
  return {static_cast<double>(latencies.size()) / seconds, at(0.5), at(0.99)};
}

double Replay(Path& path, std::size_t records) {
  const auto begun = SteadyClock::now();
  path.ReadFromStart();
  std::size_t met = 0;
  while (met < records) path.Receive([&](std::string_view) { ++met; });
  return static_cast<double>(met) /
         std::chrono::duration<double>(SteadyClock::now() - begun).count();
}

std::size_t RecordsOf(Log& log, const TopicName& topic) {
  std::int64_t records = 0;
  for (int partition = 0; partition < kPartitions; ++partition) {
    records += log.Latest({topic, Partition(partition)})->value;
  }
  return static_cast<std::size_t>(records);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: kafka_log_bench BROKERS [SECONDS] [PROPERTY=VALUE...]\n");
    return 2;
  }
  KafkaLogOptions options;
  options.brokers = argv[1];
  const std::chrono::seconds length(argc > 2 ? std::atoi(argv[2]) : 5);
  for (int i = 3; i < argc; ++i) {
    const std::string property = argv[i];
    const std::size_t equals = property.find('=');
    if (equals == std::string::npos) return 2;
    options.properties.emplace_back(property.substr(0, equals), property.substr(equals + 1));
  }
  Metrics metrics;
  const auto log = std::move(*OpenKafkaLog(options, metrics));
  const TopicName topic("bench-" + MakeUuidV4(SystemRandom()));
  if (const Status made = log->CreateTopic(topic, kPartitions); !made.ok()) {
    std::fprintf(stderr, "%s\n", made.error().ToString().c_str());
    return 1;
  }
  OurPath ours(options, topic);
  BarePath bare(options, topic.str());
  std::printf("%-14s %-10s %12s %10s %10s\n", "", "", "records/s", "p50 us", "p99 us");
  for (const std::size_t in_flight : {1, 16, 256, 1024}) {
    for (const auto& [name, path] : {std::pair<const char*, Path*>("librdkafka", &bare),
                                     std::pair<const char*, Path*>("KafkaLog", &ours)}) {
      const Measured measured = ReadBack(*path, in_flight, length);
      std::printf("in flight %-4zu %-10s %12.0f %10.0f %10.0f\n", in_flight, name,
                  measured.per_second, measured.p50_us, measured.p99_us);
      std::fflush(stdout);
    }
  }
  const std::size_t records = RecordsOf(*log, topic);
  std::printf("replay of %zu: librdkafka %.0f/s", records, Replay(bare, records));
  std::fflush(stdout);
  std::printf(", KafkaLog %.0f/s\n", Replay(ours, records));
  return 0;
}
