// The log on Apache Kafka, through librdkafka.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

struct KafkaLogOptions {
  std::string brokers;  ///< host:port, comma separated.
  /// librdkafka properties, passed through but for those admit rests on (isolation.level,
  /// partitioner, acks, enable.idempotence, auto.offset.reset, …): kInvalidArgument names one.
  std::vector<std::pair<std::string, std::string>> properties;
  /// How long a record may wait for its acknowledgement before its outcome is unknown.
  std::chrono::milliseconds append_timeout{10'000};
};

/// Connects lazily: an unreachable Kafka is no error here, but each call then gets kUnavailable and
/// Writable() says so; it becomes usable when Kafka comes. `id()` needs one contact: until then it
/// is empty.
Result<std::unique_ptr<Log>> OpenKafkaLog(const KafkaLogOptions& options, Metrics& metrics);

}  // namespace bitacora::event_store
