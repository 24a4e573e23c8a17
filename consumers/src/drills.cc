#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include <bitacora/base/log.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/thread.h>
#include <bitacora/consumers/drills.h>
#include <bitacora/consumers/rebuild_child.h>
#include <bitacora/projections/read_model_store.h>

#include "src/model_comparison.h"
#include "src/rebuild_job.h"
#include "src/rebuild_process.h"

namespace bitacora::consumers {
namespace {

using event_store::EventStore;
using event_store::Log;
using event_store::Topic;
using event_store::TopicKind;
using projections::PartitionState;
using projections::ReadModelStore;

constexpr std::uint64_t kMiB = 1u << 20;
/// Of the thread that compares, as of the process that rebuilds: answering clients comes first.
constexpr int kNice = 10;

Error Stopping() { return {ErrorCode::kUnavailable, "the server is shutting down"}; }

/// A directory that is gone with its owner.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  ~ScratchDirectory() {
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
    if (failed) {
      LogWarning("what a drill has made cannot be removed",
                 {{"path", path_}, {"error", failed.message()}});
    }
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  Status Make() const {
    std::error_code failed;
    std::filesystem::create_directories(path_, failed);
    if (!failed) return {};
    return Error(ErrorCode::kUnavailable, "cannot make " + path_ + ": " + failed.message());
  }

 private:
  const std::string path_;
};

/// An offset as a count that can be added up, whatever was stored.
std::int64_t Bounded(Offset offset) {
  return std::clamp<std::int64_t>(offset.value, 0, std::int64_t{1} << 50);
}

/// What the thread of a drill works on.
struct Drill {
  std::string id;
  Topic topic;
  ModelView kept;
  RebuildJob job;
  Deadline begun;
};

class DrillsImpl final : public Drills {
 public:
  DrillsImpl(DrillsOptions options, Log& log, EventStore& store, ReadModels& read_models,
             const Clock& clock, Random& random, Metrics& metrics)
      : options_(std::move(options)),
        log_(log),
        store_(store),
        read_models_(read_models),
        clock_(clock),
        random_(random),
        started_(metrics.GetCounter("bitacora_drills_started_total", "Drills begun since start.")),
        equal_(Finished(metrics, DrillState::kEqual)),
        different_(Finished(metrics, DrillState::kDifferent)),
        failed_(Finished(metrics, DrillState::kFailed)) {}

  Status Prepare() const {
    std::error_code failed;
    std::filesystem::remove_all(options_.scratch_directory, failed);
    if (!failed) std::filesystem::create_directories(options_.scratch_directory, failed);
    if (!failed) return {};
    return Error(ErrorCode::kPermissionDenied,
                 "cannot empty " + options_.scratch_directory + ": " + failed.message());
  }

  Result<DrillReport> Start(const TopicName& name) override {
    BITACORA_ASSIGN_OR_RETURN(const Topic topic, store_.GetTopic(name));
    if (topic.kind != TopicKind::kOwned) {
      return Error(ErrorCode::kConflict,
                   name.str() +
                       " was not made by Bitacora: its records need not begin with its "
                       "history, so nothing can be rebuilt from them",
                   "topic-not-owned");
    }
    MutexLock starting(starting_mu_);
    if (Running()) {
      return Error(ErrorCode::kResourceExhausted, "a drill is running, and one runs at a time",
                   "drills-busy");
    }
    BITACORA_RETURN_IF_ERROR(CheckSpace());
    // Shared with the thread, since std::function copies what it holds.
    const auto drill = std::make_shared<Drill>();
    DrillReport report;
    BITACORA_RETURN_IF_ERROR(Look(topic, drill.get(), &report));
    Remember(report);
    // The thread before has nothing left to do, or its drill would be running.
    thread_ = StartThread("drill", [this, drill](const std::stop_token& stop) {
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
      Run(*drill, stop);
    });
    return report;
  }

  Result<DrillReport> Get(std::string_view id) const override {
    MutexLock lock(mu_);
    for (const DrillReport& report : reports_) {
      if (report.id == id) return report;
    }
    return Error(ErrorCode::kNotFound,
                 "no drill of this id; the last " + std::to_string(kDrillReportsMax) +
                     " since the server started are kept",
                 "drill-unknown");
  }

 private:
  static Counter& Finished(Metrics& metrics, DrillState state) {
    return metrics.GetCounter("bitacora_drills_finished_total", "Drills by how they ended.",
                              {{"result", std::string(DrillStateName(state))}});
  }

  bool Running() const {
    MutexLock lock(mu_);
    return !reports_.empty() && reports_.back().state == DrillState::kRunning;
  }

  Status CheckSpace() const {
    if (const Status writable = log_.Writable();
        !writable.ok() && writable.error().code() == ErrorCode::kResourceExhausted) {
      return writable;
    }
    std::error_code failed;
    const auto disk = std::filesystem::space(options_.scratch_directory, failed);
    if (failed) {
      return Error(ErrorCode::kUnavailable,
                   options_.scratch_directory + " cannot be used: " + failed.message());
    }
    const std::uint64_t wanted =
        options_.free_bytes_min > 0
            ? options_.free_bytes_min
            : 256 * kMiB + std::max(256 * kMiB, std::min(disk.capacity / 20, 4096 * kMiB));
    if (disk.available >= wanted) return {};
    return Error(ErrorCode::kResourceExhausted,
                 "the disk has " + std::to_string(disk.available / kMiB) +
                     " MiB free, and a drill leaves at least " + std::to_string(wanted / kMiB),
                 "disk-full");
  }

  /// Takes the snapshot, and writes down what it says.
  Status Look(const Topic& topic, Drill* drill, DrillReport* report) {
    BITACORA_ASSIGN_OR_RETURN(drill->kept, read_models_.View(LatestModelOf(topic.name)));
    if (drill->kept.model.identity.log_id != topic.log_id) {
      return Error(ErrorCode::kUnavailable, "the topic was made anew, its read model not yet");
    }
    drill->topic = topic;
    drill->begun = clock_.Now();
    drill->id = report->id = MakeUuidV7(clock_.WallNs(), random_);
    report->topic = topic.name;
    RebuildJob& job = drill->job;
    job.topic = topic.name;
    job.model = drill->kept.model.identity;
    job.directory = options_.scratch_directory + "/" + drill->id;
    job.log_id = log_.id();
    job.kafka = options_.kafka;
    job.parent = ::getpid();
    for (std::int32_t number = 0; number < job.model.partitions; ++number) {
      const Partition partition(number);
      BITACORA_ASSIGN_OR_RETURN(const PartitionState state, drill->kept.snapshot->State(partition));
      report->partitions.push_back(KeptPartition(partition, state));
      // One that nothing was ever folded into stands nowhere yet, not even at its beginning.
      if (state == PartitionState()) continue;
      job.ends[partition] = Offset(std::max<std::int64_t>(0, state.next.value));
      report->records_total +=
          std::max<std::int64_t>(0, Bounded(state.next) - Bounded(state.first));
    }
    return {};
  }

  void Remember(const DrillReport& report) {
    LogInfo("a drill begins", {{"drill", report.id}, {"topic", report.topic.str()}});
    started_.Add();
    MutexLock lock(mu_);
    if (reports_.size() == kDrillReportsMax) reports_.pop_front();
    reports_.push_back(report);
  }

  void Run(Drill& drill, const std::stop_token& stop) {
    DrillReport found;
    Status status;
    {
      const ScratchDirectory scratch(drill.job.directory);
      status = scratch.Make();
      if (status.ok() && !options_.kafka) status = log_.Checkpoint(drill.job.log());
      if (status.ok()) status = Rebuild(drill, stop);
      if (status.ok()) status = Compare(drill, stop, &found);
      drill.kept.snapshot.reset();
    }
    if (status.ok() && found.state == DrillState::kDifferent) status = CheckSameTopic(drill);
    if (!status.ok()) found.state = DrillState::kFailed;
    Finish(drill, status, std::move(found));
  }

  /// Has everything rebuilt by a process, and listens to it.
  Status Rebuild(const Drill& drill, const std::stop_token& stop) {
    BITACORA_ASSIGN_OR_RETURN(
        const auto process,
        RebuildProcess::Start(options_.program, kRebuildChild, drill.job.Json()));
    const std::stop_callback kill(stop, [&process] { process->Kill(); });
    bool done = false;
    while (const std::optional<std::string> line = process->NextLine()) {
      const auto progress = RebuildProgress::Parse(*line);
      if (!progress.ok()) {
        return Error(ErrorCode::kUnavailable, "the process that rebuilds says what it never does");
      }
      if (!progress->error.empty()) return Error(ErrorCode::kUnavailable, progress->error);
      done = progress->done;
      Tell(drill, *progress);
      BITACORA_RETURN_IF_ERROR(CheckSpace());
    }
    const std::string end = process->Wait();
    if (stop.stop_requested()) return Stopping();
    if (done) return {};
    return Error(ErrorCode::kUnavailable,
                 "the process that rebuilds " + end + " before it was done");
  }

  void Tell(const Drill& drill, const RebuildProgress& progress) {
    const auto elapsed = std::chrono::duration<double>(clock_.Now() - drill.begun).count();
    Change(drill.id, [&](DrillReport* report) {
      report->records = progress.records;
      report->records_total = std::max(progress.total, progress.records);
      report->eta_s.reset();
      if (progress.records == 0) return;
      const auto left = static_cast<double>(report->records_total - progress.records);
      report->eta_s =
          static_cast<std::int64_t>(elapsed * left / static_cast<double>(progress.records));
    });
  }

  Status Compare(const Drill& drill, const std::stop_token& stop, DrillReport* found) {
    ReadModelStore::Options options;
    options.directory = drill.job.documents();
    options.read_only = true;
    BITACORA_ASSIGN_OR_RETURN(const auto rebuilt, ReadModelStore::Open(options));
    BITACORA_ASSIGN_OR_RETURN(const auto model, rebuilt->FindModel(drill.kept.model.name));
    if (!model) return Error(ErrorCode::kInternal, "the rebuilt read model is not there");
    const auto snapshot = rebuilt->Snapshot(*model);
    ModelComparison comparison(*drill.kept.snapshot, *snapshot, drill.job.model.program);
    found->state = DrillState::kEqual;
    for (std::int32_t number = 0; number < drill.job.model.partitions; ++number) {
      BITACORA_ASSIGN_OR_RETURN(DrillPartition partition,
                                comparison.Compare(Partition(number), stop));
      if (!*partition.equal) found->state = DrillState::kDifferent;
      found->partitions.push_back(std::move(partition));
    }
    found->differences = comparison.differences();
    return {};
  }

  /// Nothing was compared where the log of the same name was another one meanwhile.
  Status CheckSameTopic(const Drill& drill) {
    BITACORA_ASSIGN_OR_RETURN(const Topic now, store_.GetTopic(drill.topic.name));
    if (now.log_id == drill.topic.log_id) return {};
    return Error(ErrorCode::kUnavailable, "the topic was made anew meanwhile");
  }

  void Finish(const Drill& drill, const Status& status, DrillReport found) {
    const std::string_view result = DrillStateName(found.state);
    if (!status.ok()) {
      LogWarning("a drill failed", {{"drill", drill.id}, {"error", status.error().ToString()}});
    } else if (found.state == DrillState::kDifferent) {
      LogError("a drill has found a read model that is not what its log says",
               {{"drill", drill.id}, {"model", drill.kept.model.name}});
    } else {
      LogInfo("a drill ends", {{"drill", drill.id}, {"result", result}});
    }
    (found.state == DrillState::kEqual       ? equal_
     : found.state == DrillState::kDifferent ? different_
                                             : failed_)
        .Add();
    // Last: from then on another drill may begin.
    Change(drill.id, [&](DrillReport* report) {
      report->state = found.state;
      report->eta_s.reset();
      if (!status.ok()) {
        report->error = status.error().message();
        return;
      }
      report->records_total = report->records;
      report->partitions = std::move(found.partitions);
      report->differences = std::move(found.differences);
    });
  }

  void Change(const std::string& id, const std::function<void(DrillReport*)>& change) {
    MutexLock lock(mu_);
    for (DrillReport& report : reports_) {
      if (report.id == id) change(&report);
    }
  }

  // Constant after construction.
  const DrillsOptions options_;

  // Synchronised by themselves.
  Log& log_;
  EventStore& store_;
  ReadModels& read_models_;
  const Clock& clock_;
  Random& random_;
  Counter& started_;
  Counter& equal_;
  Counter& different_;
  Counter& failed_;

  /// Held while a drill is begun, so that no two are. Before mu_.
  Mutex starting_mu_;
  mutable Mutex mu_;
  std::deque<DrillReport> reports_ GUARDED_BY(mu_);  ///< The newest last.

  std::jthread thread_ GUARDED_BY(starting_mu_);  // Last: it uses all of the above.
};

}  // namespace

Result<std::unique_ptr<Drills>> Drills::Open(const DrillsOptions& options, Log& log,
                                             EventStore& store, ReadModels& read_models,
                                             const Clock& clock, Random& random, Metrics& metrics) {
  auto drills =
      std::make_unique<DrillsImpl>(options, log, store, read_models, clock, random, metrics);
  BITACORA_RETURN_IF_ERROR(drills->Prepare());
  return std::unique_ptr<Drills>(std::move(drills));
}

}  // namespace bitacora::consumers
