#include "src/embedded/catalog.h"

#include <algorithm>
#include <string>

namespace bitacora::event_store::embedded {
namespace {

Error NoTopic(const TopicName& topic) {
  return Error(ErrorCode::kNotFound, "there is no topic " + topic.str());
}

}  // namespace

void Catalog::Add(const TopicContents& topic) {
  MutexLock lock(mu_);
  const auto [entry, added] = topics_.try_emplace(topic.row.name);
  if (!added) return;
  entry->second.row = topic.row;
  for (std::int32_t i = 0; i < topic.row.partitions; ++i) {
    entry->second.partitions.push_back(std::make_unique<LogPartition>(
        PartitionId{topic.row.number, Partition(i)}, topic.heads[static_cast<std::size_t>(i)]));
  }
}

bool Catalog::Has(const TopicName& topic) const {
  MutexLock lock(mu_);
  return topics_.contains(topic);
}

std::uint32_t Catalog::topic_count() const {
  MutexLock lock(mu_);
  return static_cast<std::uint32_t>(topics_.size());
}

TopicNumber Catalog::NextNumber() const {
  MutexLock lock(mu_);
  TopicNumber last;
  for (const auto& [name, topic] : topics_) last = std::max(last, topic.row.number);
  return last.Next();
}

TopicDescription Catalog::DescriptionOf(const Topic& topic) const {
  TopicDescription description;
  description.name = topic.row.name;
  description.partitions = topic.row.partitions;
  description.durability = Durability::kOneDisk;
  description.record_bytes_max = record_bytes_max_;
  description.incarnation = topic.row.incarnation;
  return description;
}

Result<TopicDescription> Catalog::Describe(const TopicName& topic) const {
  MutexLock lock(mu_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return NoTopic(topic);
  return DescriptionOf(found->second);
}

std::vector<TopicDescription> Catalog::DescribeAll() const {
  std::vector<TopicDescription> all;
  MutexLock lock(mu_);
  for (const auto& [name, topic] : topics_) all.push_back(DescriptionOf(topic));
  return all;
}

Result<LogPartition*> Catalog::Find(const TopicPartition& at) const {
  MutexLock lock(mu_);
  const auto found = topics_.find(at.topic);
  if (found == topics_.end()) return NoTopic(at.topic);
  if (at.partition.value < 0 || at.partition.value >= found->second.row.partitions) {
    return Error(ErrorCode::kNotFound, "topic " + at.topic.str() + " has no partition " +
                                           std::to_string(at.partition.value) + ": it has " +
                                           std::to_string(found->second.row.partitions));
  }
  return found->second.partitions[static_cast<std::size_t>(at.partition.value)].get();
}

std::vector<LogPartition*> Catalog::PartitionsOf(const TopicName& topic) const {
  std::vector<LogPartition*> partitions;
  MutexLock lock(mu_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return partitions;
  for (const auto& partition : found->second.partitions) partitions.push_back(partition.get());
  return partitions;
}

}  // namespace bitacora::event_store::embedded
