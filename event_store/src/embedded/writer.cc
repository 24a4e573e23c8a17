#include "src/embedded/writer.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/thread.h>
#include <bitacora/base/uuid.h>

namespace bitacora::event_store::embedded {
namespace {

/// One write; a queue that holds more takes several, so that the first need not wait for all.
constexpr std::size_t kGroupBytesMax = 8u << 20;
constexpr milliseconds kCheckEvery{200};          // Free space.
constexpr std::chrono::seconds kWitnessEvery{5};  // Syncs of the witness; and after so many bytes:
constexpr std::uint64_t kWitnessBytes = 16u << 20;
constexpr milliseconds kHealAgainFirst{100};
constexpr milliseconds kHealAgainMax{5'000};

Error OpeningAgain() {
  return Error(ErrorCode::kUnavailable, "the log is being opened again after an error of the disk",
               "log-unavailable");
}

/// What appends are refused with after `failure` to open the log again. Damage concerns clients; so
/// does a full disk, in words that name no file. Other reasons are the operator's.
Error Away(const Error& failure) {
  if (failure.code() == ErrorCode::kCorruption) return failure;
  if (failure.code() != ErrorCode::kResourceExhausted) return OpeningAgain();
  return Error(ErrorCode::kResourceExhausted, "the log is opened again once its disk has space",
               "disk-full");
}

Error Unknown(std::string_view what) {
  if (Mutated(Promise::kP6)) return OpeningAgain();
  return Error(ErrorCode::kTimeout, "the disk failed; it is not known whether " + std::string(what),
               "append-undecided");
}

Error NotWritten(const Error& cause) {
  return Error(cause.code() == ErrorCode::kCorruption ? ErrorCode::kUnavailable : cause.code(),
               "nothing was written: " + cause.message(), cause.reason());
}

/// The part of `group` from its start on that makes one write.
std::size_t FirstGroup(std::span<const PendingAppend> group) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < group.size() && (count == 0 || bytes < kGroupBytesMax)) {
    bytes += group[count++].body.size();
  }
  return count;
}

}  // namespace

Writer::Writer(const WriterParts& parts)
    : parts_(parts),
      sync_(parts.options.sync && !Mutated(Promise::kP1)),
      groups_total_(parts.metrics.GetCounter("bitacora_log_groups_total",
                                             "Synced writes of the embedded log.")),
      records_total_(parts.metrics.GetCounter("bitacora_log_records_total",
                                              "Records written to the embedded log.")),
      heals_total_(parts.metrics.GetCounter(
          "bitacora_log_heals_total", "Times the embedded log was opened again after an error.")),
      sync_seconds_(parts.metrics.GetHistogram("bitacora_log_write_seconds",
                                               "Duration of one synced write of a group.",
                                               LatencyBounds())) {
  acknowledged_ = parts_.storage.ForWriter()->testimony();
  next_check_ = next_witness_sync_ = parts_.clock.Now();
  thread_ = StartThread("log-writer", [this](const std::stop_token&) { Run(); });
}

Writer::~Writer() {
  parts_.queue.Close();
  thread_.join();
}

Testimony Writer::last_testimony() const {
  MutexLock lock(mu_);
  return acknowledged_;
}

void Writer::Run() {
  while (true) {
    PendingWork work = parts_.queue.Take(parts_.clock.Now() + kCheckEvery);
    if (!work.empty()) {
      Write(std::move(work));
    } else if (parts_.queue.closed()) {
      break;
    }
    if (parts_.clock.Now() >= next_check_) Idle();
  }
  if (Storage* storage = parts_.storage.ForWriter(); storage != nullptr && sync_) {
    SyncWitness(*storage);
  }
}

void Writer::Idle() {
  const Deadline now = parts_.clock.Now();
  next_check_ = now + kCheckEvery;
  parts_.space.Check();
  Storage* storage = parts_.storage.ForWriter();
  if (storage == nullptr) return;
  if (now >= next_witness_sync_ && storage->witness().has_unsynced()) {
    next_witness_sync_ = now + kWitnessEvery;
    SyncWitness(*storage);
  }
}

void Writer::SyncWitness(Storage& storage) {
  synced_bytes_ = storage.testimony().end.bytes;
  if (const Status synced = storage.witness().Sync(); !synced.ok()) {
    LogWarning("the log's witness was not synced", {{"error", synced.error().message()}});
  }
}

void Writer::Write(PendingWork work) {
  for (PendingTopic& topic : work.topics) WriteTopic(topic);
  std::span<PendingAppend> rest(work.appends);
  while (!rest.empty()) {
    const std::span<PendingAppend> group = rest.first(FirstGroup(rest));
    rest = rest.subspan(group.size());
    parts_.space.Check();
    Status writable = parts_.health.status();
    if (writable.ok()) writable = parts_.space.status();
    if (writable.ok()) {
      WriteGroup(group);
    } else {
      const Error refusal = NotWritten(writable.error());
      for (PendingAppend& append : group) append.callback(refusal);
    }
  }
}

void Writer::WriteGroup(std::span<PendingAppend> group) {
  Stamp(group);
  const Deadline start = parts_.clock.Now();
  const Status written = parts_.storage.ForWriter()->Write(rows_);
  if (!written.ok()) {
    Abandon(group);
    Heal(written.error());
    return;
  }
  sync_seconds_.Observe(std::chrono::duration<double>(parts_.clock.Now() - start).count());
  groups_total_.Add();
  records_total_.Add(static_cast<double>(group.size()));
  Acknowledge(group);
}

void Writer::Stamp(std::span<PendingAppend> group) {
  const std::int64_t now_ms = parts_.clock.WallMs();
  rows_.clear();
  for (PendingAppend& append : group) {
    LogPartition& partition = *append.partition;
    if (partition.block == nullptr) {
      partition.block = std::make_shared<Block>();
      touched_.push_back(&partition);
    }
    PartitionHead& head = partition.head;
    append.record.offset = head.end;
    append.record.timestamp_ms = now_ms;
    head.latest_time_ms = std::max(head.latest_time_ms, now_ms);
    rows_.push_back({partition.tail.id, head.end, now_ms, head.latest_time_ms, append.body});
    head.end = head.end.Next();
    partition.block->bytes += append.body.size();
    partition.block->records.push_back(std::move(append.record));
  }
}

void Writer::Acknowledge(std::span<PendingAppend> group) {
  Testify();
  for (LogPartition* partition : touched_) {
    parts_.tail.Publish(partition->tail, std::exchange(partition->block, nullptr));
  }
  touched_.clear();
  parts_.tail.Announce();
  for (std::size_t i = 0; i < group.size(); ++i) group[i].callback(rows_[i].offset);
}

void Writer::Abandon(std::span<PendingAppend> group) {
  for (LogPartition* partition : touched_) partition->block = nullptr;
  touched_.clear();
  // Before the answers, so that nobody who has one sees a healthy log.
  parts_.health.Set(OpeningAgain());
  const Error unknown = Unknown("the record is in the log");
  for (PendingAppend& append : group) append.callback(unknown);
}

void Writer::Testify() {
  Storage* const storage = parts_.storage.ForWriter();
  const Testimony testimony = storage->testimony();
  if (sync_) {
    if (const Status noted = storage->witness().Note(testimony); !noted.ok()) {
      // The note before stays: it says less, and nothing wrong.
      LogWarning("the log's witness was not written", {{"error", noted.error().message()}});
    }
    // What is behind a synced note is written again after a power cut: that has a bound.
    const bool same_segment = testimony.segment == synced_segment_;
    if (!same_segment) synced_bytes_ = 0;
    synced_segment_ = testimony.segment;
    if (testimony.end.bytes > synced_bytes_ + kWitnessBytes) SyncWitness(*storage);
  }
  MutexLock lock(mu_);
  acknowledged_ = testimony;
}

void Writer::WriteTopic(PendingTopic& topic) {
  Status writable = parts_.health.status();
  if (writable.ok()) writable = parts_.space.status();
  if (!writable.ok()) return topic.callback(NotWritten(writable.error()));
  if (parts_.catalog.Has(topic.name)) {
    return topic.callback(
        Error(ErrorCode::kAlreadyExists, "there is a topic " + topic.name.str() + " already"));
  }
  TopicContents made;
  made.row = {topic.name, parts_.catalog.NextNumber(), topic.partitions,
              MakeUuidV4(SystemRandom())};
  made.heads.resize(static_cast<std::size_t>(topic.partitions));
  const Status written = parts_.storage.ForWriter()->Write(made.row);
  if (!written.ok()) {
    Abandon({});
    topic.callback(Unknown("the topic was made"));
    Heal(written.error());
    return;
  }
  Testify();
  parts_.catalog.Add(made);
  topic.callback({});
}

void Writer::Heal(const Error& cause) {
  parts_.health.Set(OpeningAgain());
  LogError("the log cannot be written; opening it again", {{"error", cause.message()}});
  heals_total_.Add();
  parts_.storage.Close();
  milliseconds pause = kHealAgainFirst;
  while (true) {
    const Status opened = OpenAgain();
    if (opened.ok()) break;
    LogError("the log cannot be opened again", {{"error", opened.error().message()}});
    parts_.health.Set(Away(opened.error()));
    const ErrorCode code = opened.error().code();
    if (code == ErrorCode::kCorruption || code == ErrorCode::kInvalidArgument) return;  // For good.
    if (!Pause(pause)) return;
    pause = std::min(pause * 2, kHealAgainMax);
  }
  parts_.health.Set(std::nullopt);
  LogInfo("the log is open again");
  parts_.tail.Announce();
}

bool Writer::Pause(milliseconds pause) {
  const Deadline end = parts_.clock.Now() + pause;
  while (parts_.clock.Now() < end) {
    // Also answers what came before the log was seen to be away.
    const PendingWork work = parts_.queue.Take(end);
    const Error refusal = NotWritten(parts_.health.status().error());
    for (const PendingAppend& append : work.appends) append.callback(refusal);
    for (const PendingTopic& topic : work.topics) topic.callback(refusal);
    if (parts_.queue.closed()) return false;
  }
  return true;
}

Status Writer::OpenAgain() {
  BITACORA_RETURN_IF_ERROR(parts_.space.CheckBeforeOpening());
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<Storage> storage, Storage::Open(parts_.options));
  const Testimony found = storage->testimony();
  BITACORA_RETURN_IF_ERROR(Adopt(storage->contents()));
  {
    MutexLock lock(mu_);
    acknowledged_ = found;  // Readers see all of it from now on.
  }
  parts_.storage.Set(std::move(storage));
  return {};
}

Status Writer::Adopt(const Contents& contents) {
  for (const TopicContents& topic : contents.topics) {
    parts_.catalog.Add(topic);
    const std::vector<LogPartition*> partitions = parts_.catalog.PartitionsOf(topic.row.name);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const PartitionHead& found = topic.heads[i];
      const Offset seen = partitions[i]->tail.end();
      if (found.end < seen) {
        return Error(ErrorCode::kCorruption,
                     "acknowledged records are gone: topic " + topic.row.name.str() +
                         ", partition " + std::to_string(i) + " ends at " +
                         std::to_string(found.end.value) + ", and ended at " +
                         std::to_string(seen.value),
                     "log-damaged");
      }
      partitions[i]->head = found;
      if (found.end > seen) parts_.tail.MoveEnd(partitions[i]->tail, found.end);
    }
  }
  return {};
}

}  // namespace bitacora::event_store::embedded
