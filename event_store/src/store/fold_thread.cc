#include "src/store/fold_thread.h"

#include <utility>

#include <bitacora/base/log.h>
#include <bitacora/base/thread.h>

namespace bitacora::event_store {
namespace {

constexpr std::size_t kEventsPerBatch = 2000;
/// Of values. So nobody waits for long until a batch can be seen, and none is much of the memory.
constexpr std::size_t kBytesPerBatch = 4u << 20;
constexpr std::chrono::seconds kPollAtMost{1};
constexpr std::chrono::seconds kReassignAfter{1};

}  // namespace

FoldThread::FoldThread(std::string name, StateDb& state, std::unique_ptr<LogReader> reader,
                       const Clock& clock, Metrics& metrics, Listener listener)
    : state_(state),
      reader_(std::move(reader)),
      clock_(clock),
      listener_(std::move(listener)),
      metrics_{
          metrics.GetCounter("bitacora_fold_records_total", "Records folded since start."),
          metrics.GetCounter("bitacora_fold_unreadable_total",
                             "Records of owned topics without readable headers."),
          metrics.GetCounter("bitacora_fold_misplaced_total",
                             "Records of owned topics in another partition than their key's."),
          metrics.GetCounter("bitacora_fold_batches_total", "Batches committed to the state.")},
      batch_(state),
      thread_(StartThread(std::move(name), [this](std::stop_token stop) { Run(stop); })) {}

FoldThread::~FoldThread() {
  thread_.request_stop();
  reader_->Wake();
}

void FoldThread::Add(std::shared_ptr<HostedTopic> topic,
                     std::shared_ptr<HostedPartition> partition) {
  auto assigned = std::make_shared<Assigned>(Assigned{std::move(topic), std::move(partition)});
  std::uint64_t tag = 0;
  {
    MutexLock lock(mu_);
    tag = ++last_tag_;
    assigned_[tag] = assigned;
  }
  Assign(tag, *assigned);
}

void FoldThread::Remove(const TopicPartition& at) {
  reader_->Unassign(at);
  MutexLock lock(mu_);
  std::erase_if(assigned_, [&](const auto& entry) { return entry.second->partition->at == at; });
}

void FoldThread::Assign(std::uint64_t tag, const Assigned& assigned) {
  const HostedPartition& partition = *assigned.partition;
  const Status status = reader_->Assign(partition.at, partition.folded.fold.next, tag);
  if (!status.ok()) {
    LogWarning("a partition cannot be read yet", {{"topic", partition.at.topic.str()},
                                                  {"partition", partition.at.partition.value},
                                                  {"error", status.error().ToString()}});
  }
}

std::shared_ptr<FoldThread::Assigned> FoldThread::Find(std::uint64_t tag) {
  MutexLock lock(mu_);
  const auto found = assigned_.find(tag);
  return found == assigned_.end() ? nullptr : found->second;
}

void FoldThread::Run(const std::stop_token& stop) {
  std::vector<ReadEvent> events;
  while (!stop.stop_requested()) {
    events.clear();
    const Status polled = reader_->Poll(kEventsPerBatch, clock_.Now() + kPollAtMost, &events);
    if (!polled.ok() && polled.error().code() != ErrorCode::kUnavailable) {
      LogError("reading the log failed", {{"error", polled.error().ToString()}});
    }
    if (!events.empty()) FoldEvents(events);
    if (const Status written = state_.Written(); !written.ok()) StopAll(written.error());
    ReassignDue();
  }
}

void FoldThread::FoldEvents(std::vector<ReadEvent>& events) {
  std::shared_ptr<Assigned> assigned;
  std::uint64_t tag = 0;
  std::vector<std::pair<std::shared_ptr<Assigned>, Offset>> ends;
  std::size_t bytes = 0;
  for (const ReadEvent& event : events) {
    if (assigned == nullptr || event.tag != tag) {
      assigned = Find(event.tag);
      tag = event.tag;
    }
    if (assigned == nullptr) continue;  // Removed meanwhile.
    switch (event.kind) {
      case ReadEvent::Kind::kRecord:
        FoldOne(assigned, event.record);
        bytes += event.record.value.size();
        if (bytes >= kBytesPerBatch) {
          Publish();
          bytes = 0;
        }
        break;
      case ReadEvent::Kind::kEnd:
        ends.emplace_back(assigned, event.end);
        break;
      case ReadEvent::Kind::kError:
        HandleReadError(*assigned, event.error);
        if (event.error.retryable()) reassign_[event.tag] = clock_.Now() + kReassignAfter;
        break;
    }
  }
  Publish();
  for (const auto& [at, end] : ends) {
    if (at->stopped) continue;
    // Offsets without records before the end are applied too: there is nothing in them to wait for.
    at->partition->MetEnd(end, clock_.Now());
    at->topic->applied.Advance(at->partition->at.partition, end);
    listener_(at->partition->at);
  }
}

void FoldThread::FoldOne(const std::shared_ptr<Assigned>& assigned, const StoredRecord& record) {
  HostedPartition& partition = *assigned->partition;
  if (assigned->stopped || record.offset < partition.folded.fold.next) return;
  if (partition.kind == TopicKind::kAdopted) {
    partition.folded.fold.next = record.offset.Next();
    moved_.try_emplace(&partition, assigned);
    return;
  }
  auto step = batch_.Fold(partition.key, record, &partition.folded);
  if (!step.ok()) {
    Stop(*assigned, step.error().reason(), step.error().message());
    return;
  }
  if (!step->has_value()) {
    Stop(*assigned, "needs-newer-bitacora",
         "the record at offset " + std::to_string(record.offset.value) +
             " follows a rule this release does not know; it needs a newer Bitacora");
    return;
  }
  Count((*step)->verdict);
  moved_.try_emplace(&partition, assigned);
  if ((*step)->verdict <= Verdict::kKeyReused && !partition.waits->empty()) {
    resolutions_.push_back({&partition, std::move(**step)});
  }
}

void FoldThread::Count(Verdict verdict) {
  metrics_.records.Add();
  folded_.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::kUnreadable) metrics_.unreadable.Add();
  if (verdict == Verdict::kMisplaced) metrics_.misplaced.Add();
}

void FoldThread::Stop(Assigned& assigned, std::string_view reason, std::string detail) {
  const TopicPartition& at = assigned.partition->at;
  LogError("a partition is read-only from here on", {{"topic", at.topic.str()},
                                                     {"partition", at.partition.value},
                                                     {"reason", reason},
                                                     {"detail", detail}});
  assigned.stopped = true;
  assigned.partition->SetProblem(reason, std::move(detail));
  reader_->Unassign(at);
}

void FoldThread::StopAll(const Error& error) {
  std::vector<std::shared_ptr<Assigned>> all;
  {
    MutexLock lock(mu_);
    for (const auto& [tag, assigned] : assigned_) {
      if (assigned->partition->kind == TopicKind::kOwned) all.push_back(assigned);
    }
  }
  for (const auto& assigned : all) {
    if (!assigned->stopped) Stop(*assigned, error.reason(), error.message());
  }
}

void FoldThread::HandleReadError(Assigned& assigned, const Error& error) {
  if (error.retryable()) {
    LogWarning("a partition cannot be read for the moment",
               {{"topic", assigned.partition->at.topic.str()},
                {"partition", assigned.partition->at.partition.value},
                {"error", error.ToString()}});
    return;
  }
  std::string_view reason = error.reason();
  if (reason.empty()) {
    reason = error.code() == ErrorCode::kNotFound ? "topic-deleted" : "log-damaged";
  }
  Stop(assigned, reason, error.message());
}

void FoldThread::ReassignDue() {
  for (auto due = reassign_.begin(); due != reassign_.end();) {
    if (due->second > clock_.Now()) {
      ++due;
      continue;
    }
    const auto assigned = Find(due->first);
    if (assigned != nullptr && !assigned->stopped) Assign(due->first, *assigned);
    due = reassign_.erase(due);
  }
}

void FoldThread::Publish() {
  bool owned = false;
  for (const auto& [partition, assigned] : moved_) {
    if (partition->kind != TopicKind::kOwned) continue;
    batch_.Save(partition->key, partition->folded);
    owned = true;
  }
  if (owned) {
    metrics_.batches.Add();
    const Status committed = batch_.Commit();
    if (!committed.ok()) {
      // The state is what it was. Nobody may be told of verdicts it does not hold.
      StopAll(committed.error());
      moved_.clear();
      resolutions_.clear();
      return;
    }
  }
  const Deadline now = clock_.Now();
  for (const auto& [partition, assigned] : moved_) {
    const PartitionFold& fold = partition->folded.fold;
    partition->Applied(fold.next, fold.events, now);
    assigned->topic->applied.Advance(partition->at.partition, fold.next);
  }
  for (const Resolution& resolution : resolutions_) {
    HostedPartition& partition = *resolution.partition;
    partition.waits->Resolve(resolution.step, partition.at.partition, partition.log_tag);
  }
  for (const auto& [partition, assigned] : moved_) listener_(partition->at);
  moved_.clear();
  resolutions_.clear();
}

}  // namespace bitacora::event_store
