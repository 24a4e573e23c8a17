// librdkafka's in-process mock of a Kafka cluster: real protocol on loopback ports, no JVM. It has
// no CreateTopics, no settings, no transactions on the consumer's side and no lookup by time.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <bitacora/domain/ids.h>

namespace bitacora::support {

class KafkaMock {
 public:
  /// As the protocol numbers its requests.
  enum Request : std::int16_t { kProduce = 0, kFetch = 1, kListOffsets = 2, kMetadata = 3 };

  explicit KafkaMock(int brokers = 1) {
    char text[512];
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    if (owner_ == nullptr) throw std::runtime_error(text);
    cluster_ = rd_kafka_mock_cluster_new(owner_, brokers);
    if (cluster_ == nullptr) throw std::runtime_error("no mock cluster");
  }
  ~KafkaMock() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  KafkaMock(const KafkaMock&) = delete;
  KafkaMock& operator=(const KafkaMock&) = delete;

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

  void MakeTopic(const TopicName& topic, int partitions, int replicas = 1) {
    rd_kafka_mock_topic_create(cluster_, topic.str().c_str(), partitions, replicas);
  }

  /// The next requests of this kind, on whatever connection, fail with `errors` in turn. _TRANSPORT
  /// closes the connection instead.
  void FailNext(Request request, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }
  void ClearErrors(Request request) { rd_kafka_mock_clear_request_errors(cluster_, request); }

  /// What Metadata says of the topic.
  void SetTopicError(const TopicName& topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, topic.str().c_str(), error);
  }

  /// Brokers are numbered from 1.
  void TakeDown(int broker) { rd_kafka_mock_broker_set_down(cluster_, broker); }
  void BringUp(int broker) { rd_kafka_mock_broker_set_up(cluster_, broker); }
  void SetRoundTrip(int broker, int milliseconds) {
    rd_kafka_mock_broker_set_rtt(cluster_, broker, milliseconds);
  }
  void SetLeader(const TopicPartition& at, int broker) {
    rd_kafka_mock_partition_set_leader(cluster_, at.topic.str().c_str(), at.partition.value,
                                       broker);
  }

  rd_kafka_mock_cluster_t* cluster() { return cluster_; }

 private:
  rd_kafka_t* owner_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace bitacora::support
