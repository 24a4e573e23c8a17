#include "src/embedded/contents.h"

namespace bitacora::event_store::embedded {
namespace {

Error DoesNotFollow(const std::string& what) {
  return Error(ErrorCode::kCorruption, what + " does not follow what is before it", "log-damaged");
}

}  // namespace

PartitionHead* Contents::HeadOf(const PartitionId& at) {
  if (at.topic.value < 1 || at.topic.value > topics.size()) return nullptr;
  std::vector<PartitionHead>& heads = topics[at.topic.value - 1].heads;
  const auto partition = static_cast<std::size_t>(at.partition.value);
  return partition < heads.size() ? &heads[partition] : nullptr;
}

Status Apply(const TopicRow& topic, Contents* contents) {
  if (topic.number.value != contents->topics.size() + 1) {
    return DoesNotFollow("topic " + topic.name.str());
  }
  contents->topics.push_back(
      {topic, std::vector<PartitionHead>(static_cast<std::size_t>(topic.partitions))});
  return {};
}

Status Apply(const HeadRow& head, Contents* contents) {
  PartitionHead* const known = contents->HeadOf(head.at);
  if (known == nullptr || known->end != Offset(0)) {
    return DoesNotFollow("the head of " + NameOf(head.at, head.head.end));
  }
  *known = head.head;
  contents->records += static_cast<std::uint64_t>(head.head.end.value);
  return {};
}

Status Apply(const RecordRow& record, Contents* contents) {
  PartitionHead* const head = contents->HeadOf(record.at);
  if (head == nullptr || head->end != record.offset) {
    return DoesNotFollow("the record at " + NameOf(record.at, record.offset));
  }
  *head = {record.offset.Next(), record.latest_time_ms};
  ++contents->records;
  return {};
}

std::string NameOf(const PartitionId& at, Offset offset) {
  return "topic number " + std::to_string(at.topic.value) + ", partition " +
         std::to_string(at.partition.value) + ", offset " + std::to_string(offset.value);
}

}  // namespace bitacora::event_store::embedded
