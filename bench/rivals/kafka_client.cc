// librdkafka with nothing above it: the limit of what goes to Kafka.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "support/kafka.h"

namespace {

using bitacora::bench::AssignEnds;
using bitacora::bench::FailKafka;
using bitacora::bench::MakeKafkaClient;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string brokers;
  std::string topic;
  int partitions = 0;
  std::chrono::duration<double> length;
  std::size_t bytes = 0;
  double rate = 0;  ///< Records a second; 0: the next as soon as the one before is there.
};

/// Makes the topic where it is not there yet. Not by way of a server of ours: that would fold it.
void MakeTopic(rd_kafka_t* client, const Arguments& arguments) {
  char text[512];
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(arguments.topic.c_str(), arguments.partitions, 1, text, sizeof text);
  rd_kafka_queue_t* answers = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, &topic, 1, nullptr, answers);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, 10'000);
  std::size_t count = 0;
  const rd_kafka_CreateTopics_result_t* made = rd_kafka_event_CreateTopics_result(answer);
  if (made == nullptr) FailKafka("no answer about the topic");
  const auto error =
      rd_kafka_topic_result_error(*rd_kafka_CreateTopics_result_topics(made, &count));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    FailKafka(rd_kafka_err2str(error));
  }
  rd_kafka_event_destroy(answer);
  rd_kafka_queue_destroy(answers);
  rd_kafka_NewTopic_destroy(topic);
}

void CountDelivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) FailKafka(rd_kafka_err2str(message->err));
  ++*static_cast<std::uint64_t*>(opaque);
}

/// Records a second that are acknowledged, as many in flight as librdkafka takes.
int Produce(const Arguments& arguments) {
  std::uint64_t delivered = 0;
  rd_kafka_t* producer = MakeKafkaClient(RD_KAFKA_PRODUCER, arguments.brokers,
                                         {{"acks", "all"}, {"enable.idempotence", "true"}},
                                         CountDelivered, &delivered);
  MakeTopic(producer, arguments);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, arguments.topic.c_str(), nullptr);
  std::string value(arguments.bytes, 'x');
  const auto begun = Clock::now();
  for (std::uint64_t serial = 0; Clock::now() - begun < arguments.length; ++serial) {
    const std::string key = "stream-" + std::to_string(serial % 1000);
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(),
                            value.size(), key.data(), key.size(), nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) FailKafka("cannot produce");
      rd_kafka_poll(producer, 10);
    }
    if (serial % 100 == 0) rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 30'000);
  const std::chrono::duration<double> spent = Clock::now() - begun;
  std::printf("{\"per_second\":%.0f}\n", static_cast<double>(delivered) / spent.count());
  return 0;
}

/// When records are due, and how long after that each came back.
class Schedule {
 public:
  Schedule(double rate, std::chrono::duration<double> length)
      : rate_(rate),
        begun_(Clock::now()),
        end_(begun_ + std::chrono::round<Clock::duration>(length)) {}

  /// Whether the next record is due, and if not, in how many milliseconds it is, rounded down.
  bool IsDue(std::uint64_t met, int* wait_ms) const {
    const auto now = Clock::now();
    *wait_ms = kPatienceMs;
    if (rate_ == 0) return met == due_.size() && now < end_;
    const auto next = DueAt(due_.size());
    if (next >= end_) return false;
    const auto early = std::chrono::floor<std::chrono::milliseconds>(next - now).count();
    *wait_ms = static_cast<int>(std::max<std::int64_t>(0, early));
    return next <= now;
  }
  /// Counted from when it was due: a broker that stalls cannot hide those that came meanwhile.
  void Send() { due_.push_back(rate_ == 0 ? Clock::now() : DueAt(due_.size())); }
  bool Ended(std::uint64_t met) const { return met == due_.size() && Clock::now() >= end_; }
  void Met(std::uint64_t serial) {
    const std::chrono::duration<double, std::micro> spent = Clock::now() - due_.at(serial);
    if (serial >= kWarm) spent_us_.push_back(spent.count());
  }
  void Print() {
    if (spent_us_.empty()) FailKafka("too short");
    std::sort(spent_us_.begin(), spent_us_.end());
    std::printf("{\"p50_us\":%.1f,\"p99_us\":%.1f}\n", At(0.5), At(0.99));
  }

 private:
  static constexpr int kPatienceMs = 5'000;
  /// The first ones also pay for connections.
  static constexpr std::uint64_t kWarm = 100;

  Clock::time_point DueAt(std::uint64_t serial) const {
    const std::chrono::duration<double> after(static_cast<double>(serial) / rate_);
    return begun_ + std::chrono::round<Clock::duration>(after);
  }
  double At(double share) const {
    return spent_us_[static_cast<std::size_t>(share * static_cast<double>(spent_us_.size() - 1))];
  }

  const double rate_;
  const Clock::time_point begun_;
  const Clock::time_point end_;
  std::vector<Clock::time_point> due_;
  std::vector<double> spent_us_;
};

/// Produces records and reads them back, on one thread.
int ReadBack(const Arguments& arguments) {
  rd_kafka_t* producer =
      MakeKafkaClient(RD_KAFKA_PRODUCER, arguments.brokers,
                      {{"acks", "all"}, {"enable.idempotence", "true"}, {"linger.ms", "0"}});
  MakeTopic(producer, arguments);
  rd_kafka_t* consumer = MakeKafkaClient(RD_KAFKA_CONSUMER, arguments.brokers,
                                         {{"group.id", "bench"}, {"enable.auto.commit", "false"}});
  AssignEnds(consumer, arguments.topic, arguments.partitions);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, arguments.topic.c_str(), nullptr);

  std::string value(arguments.bytes, 'x');
  std::uint64_t sent = 0;
  std::uint64_t met = 0;
  Schedule schedule(arguments.rate, arguments.length);
  while (!schedule.Ended(met)) {
    int wait_ms = 0;
    while (schedule.IsDue(met, &wait_ms)) {
      schedule.Send();
      std::memcpy(value.data(), &sent, sizeof sent);
      const auto partition = static_cast<int>(sent % static_cast<unsigned>(arguments.partitions));
      rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr,
                       0, nullptr);
      ++sent;
    }
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, wait_ms);
    rd_kafka_poll(producer, 0);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len == value.size()) {
      std::uint64_t serial = 0;
      std::memcpy(&serial, message->payload, sizeof serial);
      schedule.Met(serial);
      ++met;
    }
    rd_kafka_message_destroy(message);
  }
  schedule.Print();
  return 0;
}

}  // namespace

// kafka_client produce|read-back BROKERS TOPIC PARTITIONS SECONDS BYTES [RATE]
int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    std::fputs(
        "usage: kafka_client produce|read-back BROKERS TOPIC PARTITIONS SECONDS BYTES [RATE]\n",
        stderr);
    return 2;
  }
  const Arguments arguments{argv[2],
                            argv[3],
                            std::stoi(argv[4]),
                            std::chrono::duration<double>(std::stod(argv[5])),
                            std::stoul(argv[6]),
                            argc == 8 ? std::stod(argv[7]) : 0};
  return std::string_view(argv[1]) == "produce" ? Produce(arguments) : ReadBack(arguments);
}
