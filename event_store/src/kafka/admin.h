// Questions about topics and offsets, and making topics: everything that waits for an answer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

#include "src/kafka/handles.h"
#include "src/kafka/reachability.h"

namespace bitacora::event_store::kafka {

/// Each call blocks until Kafka has answered, 10 s at most where nothing else is said. Thread-safe.
class Admin {
 public:
  static constexpr milliseconds kCallLimit{10'000};

  static Result<std::unique_ptr<Admin>> Open(const KafkaLogOptions& options,
                                             Reachability& reachability);

  /// Asks any broker for anything, and tells Reachability what came of it. Blocks up to `limit`.
  void Probe(milliseconds limit);

  /// Empty until Kafka has answered once. Does not block.
  std::string cluster_id() const EXCLUDES(mu_);

  Result<std::vector<TopicDescription>> Topics();
  /// A topic Kafka does not know is asked for again for half a second: one made a moment ago is not
  /// yet known to every broker.
  Result<TopicDescription> Describe(const TopicName& topic);
  Status CreateTopic(const TopicName& topic, std::int32_t partitions);

  /// As Log has them, of what read_committed shows.
  Result<Offset> Earliest(const TopicPartition& at, milliseconds limit = kCallLimit);
  Result<Offset> Latest(const TopicPartition& at, milliseconds limit = kCallLimit);
  Result<std::vector<Log::Bounds>> BoundsOf(const TopicName& topic, std::int32_t partitions);
  Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms);

 private:
  struct Layout {
    std::int32_t partitions = 0;
    std::int32_t replicas = 0;  ///< Of the partition that has the fewest.
  };

  Admin(ClientHandle client, Reachability& reachability)
      : reachability_(reachability), client_(std::move(client)) {}

  void RememberClusterId() EXCLUDES(mu_);
  Result<MetadataHandle> MetadataOf(const TopicName* topic, Deadline deadline);
  Result<Layout> LayoutOf(const TopicName& topic, Deadline deadline);
  Status AddSettings(Deadline deadline, const std::vector<Layout>& layouts,
                     std::vector<TopicDescription>* topics);
  Status WaitUntilLed(const TopicName& topic, std::int32_t partitions, Deadline deadline);
  Result<Offset> QueryOffset(const TopicPartition& at, std::int64_t time, milliseconds limit);
  /// Of `count` partitions from `first` on.
  Result<std::vector<Offset>> QueryOffsets(const TopicPartition& first, std::int32_t count,
                                           std::int64_t time, milliseconds limit);

  // Constant after construction; librdkafka's clients are thread-safe.
  Reachability& reachability_;
  ClientHandle client_;

  mutable Mutex mu_;
  std::string cluster_id_ GUARDED_BY(mu_);
};

}  // namespace bitacora::event_store::kafka
