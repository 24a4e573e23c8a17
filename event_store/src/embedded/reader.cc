#include "src/embedded/reader.h"

#include <utility>

namespace bitacora::event_store {
namespace {

constexpr std::size_t kBytesPerPoll = 8u << 20;

ReadEvent ErrorEvent(std::uint64_t tag, Error error) {
  ReadEvent event;
  event.kind = ReadEvent::Kind::kError;
  event.tag = tag;
  event.error = std::move(error);
  return event;
}

}  // namespace

Status EmbeddedReader::Assign(const TopicPartition& at, Offset from, std::uint64_t tag) {
  {
    MutexLock lock(mu_);
    assigned_[at] = {tail_.Find(at), from, tag, std::nullopt};
  }
  Wake();
  return {};
}

void EmbeddedReader::Unassign(const TopicPartition& at) {
  MutexLock lock(mu_);
  assigned_.erase(at);
}

Status EmbeddedReader::Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) {
  // The generation before looking: what is published meanwhile ends the wait at once.
  const std::uint64_t seen = tail_.generation();
  {
    MutexLock lock(mu_);
    Collect(max, out);
  }
  if (out->empty()) {
    tail_.Wait(seen, interrupted_, deadline);
    tail_.Clear(&interrupted_);
    MutexLock lock(mu_);
    Collect(max, out);
  }
  return {};
}

void EmbeddedReader::Collect(std::size_t max, std::vector<ReadEvent>* out) {
  for (auto entry = assigned_.begin(); entry != assigned_.end() && out->size() < max;) {
    const auto current = entry++;
    if (!CollectFrom(current->second, max, out)) assigned_.erase(current);
  }
}

bool EmbeddedReader::CollectFrom(Assignment& assignment, std::size_t max,
                                 std::vector<ReadEvent>* out) {
  if (assignment.partition == nullptr) {
    out->push_back(ErrorEvent(assignment.tag, {ErrorCode::kNotFound, "no such partition"}));
    return false;
  }
  const TailPartition& partition = *assignment.partition;
  const Offset end = tail_.End(partition);
  if (assignment.next > end) {
    out->push_back(ErrorEvent(assignment.tag,
                              {ErrorCode::kCorruption, "the offset is beyond the log's end",
                               "log-moved-backwards"}));
    return false;
  }
  records_.clear();
  if (assignment.next < end &&
      !tail_.Read(partition, assignment.next, max - out->size(), kBytesPerPoll, &records_)) {
    const Status status = db_.Scan(partition.topic, partition.at.partition, assignment.next,
                                   max - out->size(), kBytesPerPoll, &records_);
    if (!status.ok()) {
      out->push_back(ErrorEvent(assignment.tag, status.error()));
      return false;
    }
  }
  for (StoredRecord& record : records_) {
    // RocksDB shows a group before its sync is done; readers see what is durable.
    if (record.offset >= end) break;
    ReadEvent event;
    event.tag = assignment.tag;
    assignment.next = record.offset.Next();
    event.record = std::move(record);
    out->push_back(std::move(event));
  }
  if (assignment.next == end && assignment.end_told != end && out->size() < max) {
    ReadEvent event;
    event.kind = ReadEvent::Kind::kEnd;
    event.tag = assignment.tag;
    event.end = end;
    out->push_back(std::move(event));
    assignment.end_told = end;
  }
  return true;
}

}  // namespace bitacora::event_store
