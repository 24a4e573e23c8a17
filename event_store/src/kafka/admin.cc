#include "src/kafka/admin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <thread>

#include "src/kafka/config.h"
#include "src/kafka/errors.h"

namespace bitacora::event_store::kafka {
namespace {

constexpr milliseconds kUnknownTopicLimit{500};
constexpr milliseconds kAskAgainAfter{50};
constexpr std::int32_t kPartitionsMax = 64;

Deadline After(milliseconds limit) { return SystemClock().Now() + limit; }

int MillisecondsUntil(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - SystemClock().Now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

std::string Name(const TopicPartition& at) {
  return at.topic.str() + "/" + std::to_string(at.partition.value);
}

std::int64_t Number(const std::string& text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

using TopicSettings = std::map<std::string, std::string>;

/// What differs, in words, from the settings that keep every record and every acknowledgement
/// (docs/promises.md, P2).
std::vector<std::string> UnsafeSettings(const TopicSettings& settings, std::int32_t replicas) {
  std::vector<std::string> unsafe;
  const auto expect = [&](const std::string& name, auto&& is_safe) {
    const auto found = settings.find(name);
    if (found == settings.end() || is_safe(found->second)) return;
    unsafe.push_back(name + "=" + found->second);
  };
  expect("cleanup.policy", [](const std::string& v) { return v == "delete"; });
  expect("retention.ms", [](const std::string& v) { return v == "-1"; });
  expect("retention.bytes", [](const std::string& v) { return v == "-1"; });
  expect("unclean.leader.election.enable", [](const std::string& v) { return v == "false"; });
  // Below this a batch of small records could be refused as a whole: see kBatchBytes.
  expect("max.message.bytes", [](const std::string& v) {
    return Number(v, 0) >= static_cast<std::int64_t>(2 * kBatchBytes);
  });
  if (replicas >= 3) {
    expect("min.insync.replicas", [](const std::string& v) { return Number(v, 0) >= 2; });
  }
  return unsafe;
}

void Describe(const TopicSettings& settings, std::int32_t replicas, TopicDescription* topic) {
  const auto number = [&](const char* name, std::int64_t otherwise) {
    const auto found = settings.find(name);
    return found == settings.end() ? otherwise : Number(found->second, otherwise);
  };
  topic->record_bytes_max =
      static_cast<std::size_t>(std::max<std::int64_t>(0, number("max.message.bytes", 1'000'000)));
  topic->durability = replicas >= 3 && number("min.insync.replicas", 1) >= 2
                          ? Durability::kReplicated
                          : Durability::kOneCopy;
  topic->unsafe_settings = UnsafeSettings(settings, replicas);
}

TopicSettings SettingsOf(const rd_kafka_ConfigResource_t* resource) {
  TopicSettings settings;
  std::size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resource, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr) settings[rd_kafka_ConfigEntry_name(entries[i])] = value;
  }
  return settings;
}

std::int32_t FewestReplicas(const rd_kafka_metadata_topic_t& topic) {
  std::int32_t fewest = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
  for (int i = 1; i < topic.partition_cnt; ++i) {
    fewest = std::min(fewest, topic.partitions[i].replica_cnt);
  }
  return fewest;
}

AdminOptionsHandle MakeAdminOptions(rd_kafka_t* client, rd_kafka_admin_op_t operation,
                                    Deadline deadline) {
  char text[256];
  AdminOptionsHandle options(rd_kafka_AdminOptions_new(client, operation));
  const int limit = std::max(1, MillisecondsUntil(deadline));
  (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), limit, text, sizeof(text));
  return options;
}

}  // namespace

Result<std::unique_ptr<Admin>> Admin::Open(const KafkaLogOptions& options,
                                           Reachability& reachability) {
  BITACORA_ASSIGN_OR_RETURN(ConfHandle conf, MakeConf(options, Role::kAdmin));
  BITACORA_ASSIGN_OR_RETURN(ClientHandle client, MakeClient(std::move(conf), Role::kAdmin));
  return std::unique_ptr<Admin>(new Admin(std::move(client), reachability));
}

void Admin::Probe(milliseconds limit) {
  // A topic every Kafka has or will have, so that no broker remembers a name of ours. Asking for no
  // topic at all is no way out: librdkafka 2.0.2 then asks for those it has cached, and lets the
  // broker make the ones that were deleted.
  static const TopicName kAnyTopic("__consumer_offsets");
  static_cast<void>(
      MetadataOf(&kAnyTopic, After(limit)).ok());  // Reachability has what came of it.
}

std::string Admin::cluster_id() const {
  MutexLock lock(mu_);
  return cluster_id_;
}

Result<MetadataHandle> Admin::MetadataOf(const TopicName* topic, Deadline deadline) {
  TopicHandle handle;
  if (topic != nullptr) {
    handle.reset(rd_kafka_topic_new(client_.get(), topic->str().c_str(), nullptr));
    if (!handle) return Error(ErrorCode::kNotFound, "no topic can be called " + topic->str());
  }
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(client_.get(), topic == nullptr ? 1 : 0, handle.get(),
                                      &metadata, MillisecondsUntil(deadline));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Error error = FromKafka(code, "asking Kafka for its topics");
    reachability_.Lost(error.message());
    return error;
  }
  RememberClusterId();
  reachability_.Answered();
  return MetadataHandle(metadata);
}

void Admin::RememberClusterId() {
  MutexLock lock(mu_);
  if (!cluster_id_.empty()) return;
  // Known from the metadata that has just come; 0: does not wait.
  char* id = rd_kafka_clusterid(client_.get(), 0);
  if (id == nullptr) return;
  cluster_id_ = id;
  rd_kafka_mem_free(client_.get(), id);
}

Result<Admin::Layout> Admin::LayoutOf(const TopicName& topic, Deadline deadline) {
  const Deadline known_until = After(kUnknownTopicLimit);
  while (true) {
    BITACORA_ASSIGN_OR_RETURN(MetadataHandle metadata, MetadataOf(&topic, deadline));
    if (metadata->topic_cnt != 1) {
      return Error(ErrorCode::kUnavailable, "Kafka did not answer about " + topic.str(),
                   "log-unavailable");
    }
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    if (found.partition_cnt > 0) return Layout{found.partition_cnt, FewestReplicas(found)};
    if (!IsUnknownTopic(found.err) && found.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
      return FromKafka(
          found.err == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC : found.err,
          "describing " + topic.str());
    }
    if (SystemClock().Now() >= std::min(known_until, deadline)) {
      return Error(ErrorCode::kNotFound, "there is no topic " + topic.str());
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

Status Admin::AddSettings(Deadline deadline, const std::vector<Layout>& layouts,
                          std::vector<TopicDescription>* topics) {
  if (topics->empty()) return {};
  std::vector<ConfigResourceHandle> owners;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const TopicDescription& topic : *topics) {
    owners.emplace_back(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.str().c_str()));
    asked.push_back(owners.back().get());
  }
  const QueueHandle queue(rd_kafka_queue_new(client_.get()));
  const AdminOptionsHandle options =
      MakeAdminOptions(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
  rd_kafka_DescribeConfigs(client_.get(), asked.data(), asked.size(), options.get(), queue.get());
  // The answer comes by itself at the request's time-out, hence a little more.
  const EventHandle event(rd_kafka_queue_poll(queue.get(), MillisecondsUntil(deadline) + 500));
  if (!event)
    return Error(ErrorCode::kUnavailable, "Kafka did not tell the topics' settings",
                 "log-unavailable");
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return FromKafka(code, "reading the settings of topics");
  }
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** answers = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, const rd_kafka_ConfigResource_t*> by_name;
  for (std::size_t i = 0; i < count; ++i) {
    by_name[rd_kafka_ConfigResource_name(answers[i])] = answers[i];
  }
  for (std::size_t i = 0; i < topics->size(); ++i) {
    TopicDescription& topic = (*topics)[i];
    const auto found = by_name.find(topic.name.str());
    if (found == by_name.end()) continue;
    if (const auto code = rd_kafka_ConfigResource_error(found->second);
        code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      topic.unsafe_settings = {std::string("settings cannot be read: ") + rd_kafka_err2str(code)};
      continue;
    }
    kafka::Describe(SettingsOf(found->second), layouts[i].replicas, &topic);
  }
  return {};
}

Result<std::vector<TopicDescription>> Admin::Topics() {
  const Deadline deadline = After(kCallLimit);
  BITACORA_ASSIGN_OR_RETURN(MetadataHandle metadata, MetadataOf(nullptr, deadline));
  std::vector<std::pair<TopicName, Layout>> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (std::string_view(topic.topic).starts_with("__") || topic.partition_cnt == 0) continue;
    auto name = ParseTopicName(topic.topic);
    if (!name.ok()) continue;
    found.emplace_back(std::move(*name), Layout{topic.partition_cnt, FewestReplicas(topic)});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TopicDescription> topics;
  std::vector<Layout> layouts;
  for (auto& [name, layout] : found) {
    TopicDescription topic;
    topic.name = std::move(name);
    topic.partitions = layout.partitions;
    topic.durability = Durability::kOneCopy;
    topics.push_back(std::move(topic));
    layouts.push_back(layout);
  }
  BITACORA_RETURN_IF_ERROR(AddSettings(deadline, layouts, &topics));
  return topics;
}

Result<TopicDescription> Admin::Describe(const TopicName& topic) {
  const Deadline deadline = After(kCallLimit);
  BITACORA_ASSIGN_OR_RETURN(const Layout layout, LayoutOf(topic, deadline));
  std::vector<TopicDescription> one(1);
  one[0].name = topic;
  one[0].partitions = layout.partitions;
  one[0].durability = Durability::kOneCopy;
  BITACORA_RETURN_IF_ERROR(AddSettings(deadline, {layout}, &one));
  return std::move(one[0]);
}

Status Admin::CreateTopic(const TopicName& topic, std::int32_t partitions) {
  if (partitions < 1 || partitions > kPartitionsMax) {
    return Error(ErrorCode::kInvalidArgument,
                 "a topic has 1 to 64 partitions, not " + std::to_string(partitions));
  }
  const Deadline deadline = After(kCallLimit);
  BITACORA_ASSIGN_OR_RETURN(MetadataHandle metadata, MetadataOf(&topic, deadline));
  const int replicas = metadata->broker_cnt >= 3 ? 3 : 1;

  char text[512] = {};
  const NewTopicHandle made(
      rd_kafka_NewTopic_new(topic.str().c_str(), partitions, replicas, text, sizeof(text)));
  if (!made) return Error(ErrorCode::kInvalidArgument, text);
  std::vector<std::pair<const char*, const char*>> settings = {
      {"cleanup.policy", "delete"},
      {"retention.ms", "-1"},
      {"retention.bytes", "-1"},
      {"unclean.leader.election.enable", "false"},
  };
  if (replicas == 3) settings.emplace_back("min.insync.replicas", "2");
  for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(made.get(), name, value);

  const QueueHandle queue(rd_kafka_queue_new(client_.get()));
  const AdminOptionsHandle options =
      MakeAdminOptions(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
  std::array<rd_kafka_NewTopic_t*, 1> asked = {made.get()};
  rd_kafka_CreateTopics(client_.get(), asked.data(), asked.size(), options.get(), queue.get());
  const EventHandle event(rd_kafka_queue_poll(queue.get(), MillisecondsUntil(deadline) + 500));
  if (!event) return Error(ErrorCode::kTimeout, "Kafka did not say whether it made the topic");
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return FromKafkaChange(code, "making " + topic.str());
  }
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafkaChange(code, "making " + topic.str());
  }
  return WaitUntilLed(topic, partitions, deadline);
}

Status Admin::WaitUntilLed(const TopicName& topic, std::int32_t partitions, Deadline deadline) {
  while (true) {
    auto metadata = MetadataOf(&topic, deadline);
    if (metadata.ok() && (*metadata)->topic_cnt == 1) {
      const rd_kafka_metadata_topic_t& found = (*metadata)->topics[0];
      const bool led = found.partition_cnt == partitions &&
                       std::all_of(found.partitions, found.partitions + partitions,
                                   [](const auto& partition) { return partition.leader >= 0; });
      if (led) return {};
    }
    if (SystemClock().Now() >= deadline) {
      return Error(ErrorCode::kTimeout, topic.str() + " was made but cannot be seen yet");
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

Result<Offset> Admin::Earliest(const TopicPartition& at, milliseconds limit) {
  return QueryOffset(at, RD_KAFKA_OFFSET_BEGINNING, limit);
}

Result<Offset> Admin::Latest(const TopicPartition& at, milliseconds limit) {
  return QueryOffset(at, RD_KAFKA_OFFSET_END, limit);
}

Result<Offset> Admin::OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) {
  const std::int64_t time = std::max<std::int64_t>(0, wall_ms);
  BITACORA_ASSIGN_OR_RETURN(const Offset found, QueryOffset(at, time, kCallLimit));
  // Kafka says -1 where no record is that young.
  if (found.value < 0) return Latest(at);
  return found;
}

Result<std::vector<Log::Bounds>> Admin::BoundsOf(const TopicName& topic, std::int32_t partitions) {
  const TopicPartition first{topic, Partition(0)};
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Offset> earliest,
                            QueryOffsets(first, partitions, RD_KAFKA_OFFSET_BEGINNING, kCallLimit));
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Offset> latest,
                            QueryOffsets(first, partitions, RD_KAFKA_OFFSET_END, kCallLimit));
  std::vector<Log::Bounds> bounds;
  for (std::size_t i = 0; i < earliest.size(); ++i) bounds.push_back({earliest[i], latest[i]});
  return bounds;
}

Result<Offset> Admin::QueryOffset(const TopicPartition& at, std::int64_t time, milliseconds limit) {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Offset> offsets, QueryOffsets(at, 1, time, limit));
  return offsets.front();
}

Result<std::vector<Offset>> Admin::QueryOffsets(const TopicPartition& first, std::int32_t count,
                                                std::int64_t time, milliseconds limit) {
  // Not rd_kafka_query_watermark_offsets: in 2.0.2 it waits beyond its limit when the broker is
  // silent, and does not look for a new leader (both fixed in 2.3.0). ListOffsets takes -2 and -1
  // where a time stands, for the earliest and the latest.
  const Deadline deadline = After(limit);
  const std::string doing = "asking for an offset of " + Name(first);
  if (first.partition.value < 0) return FromKafka(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, doing);
  const Deadline known_until = After(kUnknownTopicLimit);
  while (true) {
    const PartitionsHandle asked(rd_kafka_topic_partition_list_new(count));
    for (std::int32_t i = 0; i < count; ++i) {
      rd_kafka_topic_partition_list_add(asked.get(), first.topic.str().c_str(),
                                        first.partition.value + i)
          ->offset = time;
    }
    auto code = rd_kafka_offsets_for_times(client_.get(), asked.get(), MillisecondsUntil(deadline));
    std::vector<Offset> offsets;
    for (int i = 0; i < asked->cnt; ++i) {
      const rd_kafka_topic_partition_t& answer = asked->elems[i];
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = answer.err;
      offsets.emplace_back(answer.offset);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      reachability_.Answered();
      return offsets;
    }
    const Error error = FromKafka(code, doing);
    const bool unknown = error.code() == ErrorCode::kNotFound;
    if (!unknown && !error.retryable()) return error;
    if (SystemClock().Now() >= (unknown ? std::min(known_until, deadline) : deadline)) return error;
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

}  // namespace bitacora::event_store::kafka
