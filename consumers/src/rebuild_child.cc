#include <algorithm>
#include <chrono>
#include <istream>
#include <iterator>
#include <memory>
#include <ostream>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/consumers/read_models.h>
#include <bitacora/consumers/rebuild_child.h>
#include <bitacora/event_store/embedded_log.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/replay.h>

#include "src/fold.h"
#include "src/rebuild_job.h"

namespace bitacora::consumers {
namespace {

using event_store::Log;
using event_store::Replay;
using event_store::TopicRecord;
using projections::DocumentBatch;
using projections::PartitionState;
using projections::ReadModelStore;
using projections::SourceRecord;

constexpr milliseconds kTellEvery{200};
/// How long a Kafka that cannot be reached, or whose new leader is not where the old one was, is
/// waited for.
constexpr milliseconds kPatience{30'000};
constexpr milliseconds kAskAgainAfter{100};
constexpr std::size_t kBatchRecords = 1000;
constexpr std::size_t kBatchBytes = 4u << 20;
constexpr int kNice = 10;

/// Tells how far the work is, but not too often.
class Teller {
 public:
  explicit Teller(std::ostream& out) : out_(out) {}

  void Begin(std::int64_t total) {
    progress_.total = total;
    Tell();
  }
  void Read(std::int64_t records) {
    progress_.records = records;
    if (SystemClock().Now() >= next_) Tell();
  }
  std::int64_t records() const { return progress_.records; }
  void End(const Status& status) {
    progress_.done = status.ok();
    if (!status.ok()) progress_.error = status.error().ToString();
    Tell();
  }

 private:
  void Tell() {
    out_ << progress_.Json() << std::flush;
    next_ = SystemClock().Now() + kTellEvery;
  }

  std::ostream& out_;
  RebuildProgress progress_;
  Deadline next_;
};

/// Folds what Replay finds in one partition, a batch at a time.
class PartitionRebuild {
 public:
  PartitionRebuild(ReadModelStore& documents, const projections::Model& model,
                   const TopicPartition& at, Offset first)
      : source_{at.topic, at.partition, true}, batch_(documents, model, at.partition) {
    state_.first = state_.next = first;
  }

  Status Add(TopicRecord record) {
    bytes_ += record.record.value.size();
    const Offset next = record.record.offset.Next();
    records_.push_back({std::move(record.record), record.first_version, record.count});
    if (records_.size() < kBatchRecords && bytes_ < kBatchBytes) return {};
    return Fold(next);
  }
  /// Everything before `end` was added.
  Status Finish(Offset end) { return Fold(std::max(end, state_.first)); }

 private:
  Status Fold(Offset next) {
    BITACORA_ASSIGN_OR_RETURN(const auto folded,
                              FoldAndCommit(source_, records_, next, batch_, &state_));
    records_.clear();
    bytes_ = 0;
    return folded.status;
  }

  const projections::Source source_;
  DocumentBatch batch_;
  PartitionState state_;
  std::vector<SourceRecord> records_;
  std::size_t bytes_ = 0;
};

/// One partition's work.
struct Stretch {
  TopicPartition at;
  Offset first;
  Offset end;
};

class Rebuild {
 public:
  Rebuild(const RebuildJob& job, Teller& teller) : job_(job), teller_(teller) {}

  Status Run() {
    BITACORA_ASSIGN_OR_RETURN(const std::unique_ptr<Log> log, OpenLog());
    BITACORA_RETURN_IF_ERROR(Reach(*log));
    std::vector<Stretch> stretches;
    std::int64_t total = 0;
    for (const auto& [partition, end] : job_.ends) {
      BITACORA_ASSIGN_OR_RETURN(const Stretch stretch, Measure(*log, {job_.topic, partition}, end));
      total += std::max<std::int64_t>(0, stretch.end.value - stretch.first.value);
      stretches.push_back(stretch);
    }
    teller_.Begin(total);

    ReadModelStore::Options options;
    options.directory = job_.documents();
    BITACORA_ASSIGN_OR_RETURN(const auto documents, ReadModelStore::Open(options));
    BITACORA_ASSIGN_OR_RETURN(const projections::Model model,
                              documents->OpenModel(LatestModelOf(job_.topic), job_.model));
    BITACORA_ASSIGN_OR_RETURN(const auto replay, Replay::Open(*log, job_.replay()));
    for (const Stretch& stretch : stretches) {
      BITACORA_RETURN_IF_ERROR(RebuildOne(*replay, *documents, model, stretch));
    }
    return documents->Flush();
  }

 private:
  Result<std::unique_ptr<Log>> OpenLog() {
    if (job_.kafka) return event_store::OpenKafkaLog(*job_.kafka, metrics_);
    event_store::EmbeddedLogOptions options;
    options.directory = job_.log();
    options.read_only = true;
    return event_store::OpenEmbeddedLog(options, metrics_);
  }

  /// Makes sure that it is the log the drill is about. Only Kafka has to be waited for.
  Status Reach(Log& log) {
    const Deadline deadline = SystemClock().Now() + kPatience;
    while (true) {
      const auto topic = log.Describe(job_.topic);
      if (topic.ok()) break;
      if (!topic.error().retryable() || SystemClock().Now() >= deadline) return topic.error();
      std::this_thread::sleep_for(kAskAgainAfter);
    }
    if (log.id() == job_.log_id) return {};
    return Error(ErrorCode::kUnavailable, "the process of the drill reads another log");
  }

  /// What there is to read before `end`: less where the log has less, which then shows in the
  /// position the partition was rebuilt to.
  Result<Stretch> Measure(Log& log, const TopicPartition& at, Offset end) {
    BITACORA_ASSIGN_OR_RETURN(const Offset first, log.Earliest(at));
    BITACORA_ASSIGN_OR_RETURN(Offset latest, log.Latest(at));
    // A checkpoint does not grow; a new leader of Kafka's may not know at once what is committed.
    const Deadline deadline = SystemClock().Now() + kPatience;
    while (job_.kafka && latest < end && SystemClock().Now() < deadline) {
      std::this_thread::sleep_for(kAskAgainAfter);
      BITACORA_ASSIGN_OR_RETURN(latest, log.Latest(at));
    }
    return Stretch{at, first, std::min(end, latest)};
  }

  Status RebuildOne(Replay& replay, ReadModelStore& documents, const projections::Model& model,
                    const Stretch& stretch) {
    PartitionRebuild partition(documents, model, stretch.at, stretch.first);
    const std::int64_t before = teller_.records();
    BITACORA_ASSIGN_OR_RETURN(
        const Replay::Summary summary,
        replay.Run(
            stretch.at, stretch.end,
            [&](TopicRecord record) { return partition.Add(std::move(record)); },
            [&](std::int64_t records) { teller_.Read(before + records); }));
    teller_.Read(before + summary.records);
    return partition.Finish(stretch.end);
  }

  const RebuildJob& job_;
  Teller& teller_;
  Metrics metrics_;
};

/// However the server ends, this process does not outlive it.
Status DieWithParent(std::int64_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have ended just before.
  if (::getppid() == parent) return {};
  return Error(ErrorCode::kUnavailable, "who asked for the drill is gone");
}

}  // namespace

int RunRebuildChild(std::istream& in, std::ostream& out) {
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  Teller teller(out);
  const auto job = RebuildJob::Parse(text);
  Status status = job.status();
  if (status.ok()) status = DieWithParent(job->parent);
  if (status.ok()) {
    ::setpriority(PRIO_PROCESS, 0, kNice);
    status = Rebuild(*job, teller).Run();
  }
  teller.End(status);
  return 0;
}

}  // namespace bitacora::consumers
