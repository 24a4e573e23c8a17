#include "src/kafka/config.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>

namespace bitacora::event_store::kafka {
namespace {

/// Admit rests on these, or our way of using librdkafka does. Aliases included.
constexpr std::array<std::string_view, 39> kOurs = {
    "bootstrap.servers",
    "metadata.broker.list",
    // What is acknowledged is durable, once and in order.
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "transactional.id",
    "queuing.strategy",
    "delivery.report.only.error",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "batch.size",
    "message.max.bytes",
    // The partition is computed by us, and a topic is made only by CreateTopic.
    "partitioner",
    "allow.auto.create.topics",
    // What is read is what is committed, whole, from the offset we say.
    "isolation.level",
    "check.crcs",
    "auto.offset.reset",
    "enable.partition.eof",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "auto.commit.interval.ms",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    // No group, no group's traffic.
    "group.id",
    "group.instance.id",
    "group.protocol.type",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "coordinator.query.interval.ms",
    "max.poll.interval.ms",
    // Where log lines and events go.
    "log.queue",
    "enabled_events",
    "statistics.interval.ms",
    "enable.random.seed",
    "plugin.library.paths",
};

/// For those who look closely only. FAIL and ERROR are connections that were lost or not made: with
/// Kafka away several a second, of which Reachability tells the change once. CONFWARN: properties
/// meant for the other kind of client. AUTOCREATE: a Kafka older than 0.11, or the tests' mock.
bool IsNoise(std::string_view facility) {
  return facility == "FAIL" || facility == "ERROR" || facility == "CONFWARN" ||
         facility == "PARTCNT" || facility == "AUTOCREATE";
}

void WriteLog(const rd_kafka_t*, int level, const char* facility, const char* text) noexcept {
  LogLevel shown = LogLevel::kDebug;
  if (level <= 3 && !IsNoise(facility)) shown = LogLevel::kError;
  if (level == 4 && !IsNoise(facility)) shown = LogLevel::kWarning;
  ::bitacora::Log(shown, "librdkafka", {{"facility", facility}, {"text", text}});
}

Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[256] = {};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof(text))) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return Error(ErrorCode::kInvalidArgument, "Kafka property " + name + " is not known");
    case RD_KAFKA_CONF_INVALID:
      break;
  }
  // librdkafka's own text may repeat the value.
  return Error(ErrorCode::kInvalidArgument, "Kafka property " + name + " does not take this value");
}

using Settings = std::vector<std::pair<std::string, std::string>>;

void Append(Settings* to, const Settings& more) { to->insert(to->end(), more.begin(), more.end()); }

/// What users may change.
Settings Defaults(Role role) {
  Settings all = {
      {"client.id", "bitacora"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      {"socket.timeout.ms", std::to_string(kRequestTimeout.count())},
      {"socket.connection.setup.timeout.ms", "5000"},
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
      {"retry.backoff.ms", "50"},
      // For so long an unknown topic may still turn up: a topic just made is not at once known to
      // every broker. librdkafka waits 30 s, longer than an append may.
      {"topic.metadata.propagation.max.ms", "2000"},
  };
  switch (role) {
    case Role::kProducer:
      Append(&all, {{"linger.ms", "0"},
                    {"queue.buffering.max.messages", "16384"},
                    {"queue.buffering.max.kbytes", "65536"}});
      break;
    case Role::kReader:
      Append(&all, {{"fetch.wait.max.ms", "100"},
                    {"fetch.min.bytes", "1"},
                    {"fetch.message.max.bytes", "1048576"},
                    {"fetch.max.bytes", "8388608"},
                    {"fetch.error.backoff.ms", "100"},
                    {"queued.min.messages", "1000000"},
                    {"queued.max.messages.kbytes", "65536"}});
      break;
    case Role::kFetcher:
      Append(&all, {{"fetch.wait.max.ms", "10"},
                    {"fetch.min.bytes", "1"},
                    {"fetch.message.max.bytes", "524288"},
                    {"fetch.max.bytes", "4194304"},
                    {"fetch.error.backoff.ms", "50"},
                    {"queued.min.messages", "1000"},
                    {"queued.max.messages.kbytes", "1024"}});
      break;
    case Role::kAdmin:
      break;
  }
  return all;
}

/// What nobody may change.
Settings Fixed(const KafkaLogOptions& options, Role role) {
  Settings all = {{"bootstrap.servers", options.brokers}, {"allow.auto.create.topics", "false"}};
  if (role == Role::kProducer) {
    Append(
        &all,
        {
            {"enable.idempotence", Mutated(Promise::kP2) ? "false" : "true"},
            {"acks", Mutated(Promise::kP2) ? "1" : "all"},
            {"message.timeout.ms", std::to_string(options.append_timeout.count())},
            // A broker refuses a request as a whole when its batch exceeds the topic's
            // max.message.bytes, and librdkafka does not split it: every record in it would fail.
            // So batches stay well below any max.message.bytes in use; a longer record goes alone.
            {"batch.size", std::to_string(kBatchBytes)},
            // The topic's own limit decides.
            {"message.max.bytes", "100000000"},
        });
    return all;
  }
  Append(&all, {
                   {"isolation.level", "read_committed"},
                   {"check.crcs", "true"},
                   {"auto.offset.reset", "error"},
                   {"enable.partition.eof", "true"},
                   {"enable.auto.commit", "false"},
                   {"enable.auto.offset.store", "false"},
               });
  return all;
}

}  // namespace

Result<ConfHandle> MakeConf(const KafkaLogOptions& options, Role role) {
  if (options.brokers.empty()) return Error(ErrorCode::kInvalidArgument, "no Kafka brokers given");
  if (options.append_timeout.count() < 1 || options.append_timeout > std::chrono::minutes(15)) {
    return Error(ErrorCode::kInvalidArgument, "append_timeout is not in 1 ms..15 min");
  }
  ConfHandle conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), WriteLog);
  for (const auto& [name, value] : Defaults(role)) {
    BITACORA_RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  for (const auto& [name, value] : options.properties) {
    if (std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end()) {
      return Error(ErrorCode::kInvalidArgument,
                   "Kafka property " + name + " is not for users: Bitacora rests on its own value");
    }
    BITACORA_RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  for (const auto& [name, value] : Fixed(options, role)) {
    BITACORA_RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  return conf;
}

Result<ClientHandle> MakeClient(ConfHandle conf, Role role) {
  char text[512] = {};
  const auto type = role == Role::kProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
  ClientHandle client(rd_kafka_new(type, conf.get(), text, sizeof(text)));
  if (!client) {
    return Error(ErrorCode::kInvalidArgument,
                 std::string("the Kafka properties do not fit: ") + text);
  }
  conf.release();  // NOLINT: rd_kafka_new took it
  return client;
}

}  // namespace bitacora::event_store::kafka
