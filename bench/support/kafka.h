// What the programs have in common that measure librdkafka itself. Each ends where it fails: what
// it would print then is no figure.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace bitacora::bench {

[[noreturn]] inline void FailKafka(const char* what) {
  std::fprintf(stderr, "kafka: %s\n", what);
  std::exit(1);
}

using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

/// `delivered`: told of each record that was acknowledged, or not, with `opaque`.
inline rd_kafka_t* MakeKafkaClient(rd_kafka_type_t type, const std::string& brokers,
                                   const KafkaSettings& settings,
                                   void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*,
                                                     void*) = nullptr,
                                   void* opaque = nullptr) {
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
      FailKafka(text);
    }
  };
  set("bootstrap.servers", brokers);
  for (const auto& [name, value] : settings) set(name, value);
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_t* made = rd_kafka_new(type, conf, text, sizeof text);
  if (made == nullptr) FailKafka(text);
  return made;
}

/// A topic just made is not at once known to the broker that leads it.
inline std::int64_t EndOf(rd_kafka_t* consumer, const std::string& topic, int partition) {
  constexpr int kTries = 100;
  for (int tried = 0; tried < kTries; ++tried) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (rd_kafka_query_watermark_offsets(consumer, topic.c_str(), partition, &low, &high, 10'000) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      return high;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  FailKafka("cannot ask for the end of the topic");
}

/// The consumer reads what comes from now on.
inline void AssignEnds(rd_kafka_t* consumer, const std::string& topic, int partitions) {
  rd_kafka_topic_partition_list_t* ends = rd_kafka_topic_partition_list_new(partitions);
  for (int partition = 0; partition < partitions; ++partition) {
    rd_kafka_topic_partition_list_add(ends, topic.c_str(), partition)->offset =
        EndOf(consumer, topic, partition);
  }
  rd_kafka_assign(consumer, ends);
  rd_kafka_topic_partition_list_destroy(ends);
}

}  // namespace bitacora::bench
