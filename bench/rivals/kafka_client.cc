// librdkafka with nothing above it: the limit of what goes to Kafka.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string brokers;
  std::string topic;
  std::chrono::duration<double> length;
  std::size_t bytes = 0;
};

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

rd_kafka_t* Make(rd_kafka_type_t type, const std::string& brokers,
                 std::initializer_list<std::pair<const char*, const char*>> settings,
                 void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr,
                 void* opaque = nullptr) {
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), text, sizeof text);
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) Fail(text);
  }
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_t* made = rd_kafka_new(type, conf, text, sizeof text);
  if (made == nullptr) Fail(text);
  return made;
}

void CountDelivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) Fail(rd_kafka_err2str(message->err));
  ++*static_cast<std::uint64_t*>(opaque);
}

/// Records a second that are acknowledged, as many in flight as librdkafka takes.
int Produce(const Arguments& arguments) {
  std::uint64_t delivered = 0;
  rd_kafka_t* producer =
      Make(RD_KAFKA_PRODUCER, arguments.brokers, {{"acks", "all"}, {"enable.idempotence", "true"}},
           CountDelivered, &delivered);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, arguments.topic.c_str(), nullptr);
  std::string value(arguments.bytes, 'x');
  const auto begun = Clock::now();
  for (std::uint64_t serial = 0; Clock::now() - begun < arguments.length; ++serial) {
    const std::string key = "stream-" + std::to_string(serial % 1000);
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(),
                            value.size(), key.data(), key.size(), nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) Fail("cannot produce");
      rd_kafka_poll(producer, 10);
    }
    if (serial % 100 == 0) rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 30'000);
  const std::chrono::duration<double> spent = Clock::now() - begun;
  std::printf("{\"per_second\":%.0f}\n", static_cast<double>(delivered) / spent.count());
  return 0;
}

/// One record after the other: produced, then read back.
int ReadBack(const Arguments& arguments) {
  rd_kafka_t* producer =
      Make(RD_KAFKA_PRODUCER, arguments.brokers,
           {{"acks", "all"}, {"enable.idempotence", "true"}, {"linger.ms", "0"}});
  rd_kafka_t* consumer = Make(RD_KAFKA_CONSUMER, arguments.brokers,
                              {{"group.id", "bench"}, {"enable.auto.commit", "false"}});
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, arguments.topic.c_str(), nullptr);
  std::int64_t low = 0;
  std::int64_t high = 0;
  if (rd_kafka_query_watermark_offsets(consumer, arguments.topic.c_str(), 0, &low, &high, 10'000) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    Fail("cannot ask for the end of the topic");
  }
  rd_kafka_topic_partition_list_t* from = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(from, arguments.topic.c_str(), 0)->offset = high;
  rd_kafka_assign(consumer, from);

  std::vector<double> spent_us;
  std::string value(arguments.bytes, 'x');
  // The first ones also pay for connections.
  constexpr int kWarm = 100;
  const auto begun = Clock::now();
  for (std::uint64_t serial = 0; Clock::now() - begun < arguments.length; ++serial) {
    std::memcpy(value.data(), &serial, sizeof serial);
    const auto sent = Clock::now();
    rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0,
                     nullptr);
    for (bool met = false; !met;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 5'000);
      if (message == nullptr) Fail("a record did not come back");
      met = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len == value.size() &&
            std::memcmp(message->payload, value.data(), value.size()) == 0;
      rd_kafka_message_destroy(message);
    }
    if (serial >= kWarm) {
      spent_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent).count());
    }
    rd_kafka_poll(producer, 0);
  }
  if (spent_us.empty()) Fail("too short");
  std::sort(spent_us.begin(), spent_us.end());
  const auto at = [&](double share) {
    return spent_us[static_cast<std::size_t>(share * static_cast<double>(spent_us.size() - 1))];
  };
  std::printf("{\"p50_us\":%.1f,\"p99_us\":%.1f}\n", at(0.5), at(0.99));
  return 0;
}

}  // namespace

// kafka_client produce|read-back BROKERS TOPIC SECONDS BYTES
int main(int argc, char** argv) {
  if (argc != 6) Fail("usage: kafka_client produce|read-back BROKERS TOPIC SECONDS BYTES");
  const Arguments arguments{argv[2], argv[3], std::chrono::duration<double>(std::stod(argv[4])),
                            std::stoul(argv[5])};
  return std::string_view(argv[1]) == "produce" ? Produce(arguments) : ReadBack(arguments);
}
