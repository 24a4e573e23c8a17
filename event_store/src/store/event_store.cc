#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <thread>
#include <utility>

#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/thread.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/event_store/event_store.h>

#include "src/store/append_waits.h"
#include "src/store/catalog.h"
#include "src/store/fold_thread.h"
#include "src/store/reads.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {
namespace {

constexpr std::chrono::seconds kCreateTopicWithin{20};
/// A start waits so long until all topics of the log are hosted; from then on it goes on behind the
/// requests, of which each may host the topic that it names.
constexpr std::chrono::seconds kDiscoverWithin{1};
/// Until the log has been reached once.
constexpr std::chrono::milliseconds kDiscoverAgain{500};
/// So soon after the log is back it is looked at again.
constexpr std::chrono::milliseconds kLookForReconnect{200};
/// Room for headers of ours and of Kafka's own around a record.
constexpr std::size_t kRecordOverhead = 16u << 10;

std::size_t SizeOf(const Record& record) {
  std::size_t size = record.value.size() + (record.key ? record.key->size() : 0);
  for (const RecordHeader& header : record.headers)
    size += header.name.size() + header.value.size();
  return size;
}

Error TopicUnknown() {
  return {ErrorCode::kNotFound, "there is no topic of this name", "topic-unknown"};
}

Error NotOwned() {
  return {ErrorCode::kConflict,
          "the topic was not made by Bitacora: it has no streams, and nothing is appended to it",
          "topic-not-owned"};
}

class EventStoreImpl final : public EventStore {
 public:
  EventStoreImpl(const EventStoreOptions& options, Log& log, const Clock& clock, Random& random,
                 Metrics& metrics, std::unique_ptr<StateDb> state)
      : options_(options),
        log_(log),
        clock_(clock),
        state_(std::move(state)),
        catalog_(options_, log, *state_, timer_, random, clock),
        replayed_(metrics.GetGauge("bitacora_start_replayed_records",
                                   "Records folded at the last start before the node was ready.")),
        appends_(metrics.GetCounter("bitacora_appends_total", "Appends handed to the log.")) {}

  ~EventStoreImpl() override {
    refresher_.request_stop();
    refresh_changed_.notify_all();
    if (refresher_.joinable()) refresher_.join();
    threads_.clear();
    for (const auto& topic : catalog_.All()) {
      topic->applied.Close();
      for (const auto& partition : topic->partitions) partition->waits->Close();
    }
  }

  Status Start(Metrics& metrics) {
    state_->WriteBehind(
        metrics.GetGauge("bitacora_state_unwritten_records",
                         "Records folded and not yet written to the state, which a kill would "
                         "have folded again."));
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.fold_threads); ++i) {
      BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> reader, log_.NewReader());
      threads_.push_back(std::make_unique<FoldThread>(
          "fold-" + std::to_string(i), *state_, std::move(reader), clock_, metrics,
          [this](const TopicPartition& at) { Notify(at); }));
    }
    catalog_.UseThreads(threads_);
    auto looked = looked_once_.get_future();
    refresher_ = StartThread("topics", [this](const std::stop_token& stop) { RunRefresh(stop); });
    // A node with many topics, or whose log was never reached, starts before it knows them all.
    if (log_.Connections() > 0) looked.wait_for(kDiscoverWithin);
    return {};
  }

  // ---- Topics

  Result<std::vector<Topic>> Topics() const override {
    BITACORA_RETURN_IF_ERROR(Discovered());
    std::vector<Topic> topics;
    for (const auto& topic : catalog_.All()) topics.push_back(topic->Describe());
    return topics;
  }

  bool Knows(const TopicName& name) const override { return catalog_.Find(name) != nullptr; }

  Result<Topic> GetTopic(const TopicName& name) override {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, Find(name));
    if (topic->kind == TopicKind::kAdopted) {
      // Nobody folds it; its ends are asked for when somebody wants to know.
      BITACORA_ASSIGN_OR_RETURN(const auto bounds, BoundsOf(*topic));
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        topic->partitions[i]->SetEarliest(bounds[i].earliest);
        topic->partitions[i]->MetEnd(bounds[i].latest, clock_.Now());
      }
    }
    return topic->Describe();
  }

  Result<Made> CreateTopic(const TopicName& name, std::int32_t partitions) override {
    return catalog_.Create(name, partitions, clock_.Now() + kCreateTopicWithin);
  }

  Result<Made> OwnTopic(const TopicName& name) override {
    return catalog_.Own(name, clock_.Now() + kCreateTopicWithin);
  }

  // ---- Appending

  void Append(AppendCommand command, Deadline deadline, AppendCallback callback) override {
    auto refused = TryAppend(command, deadline, callback);
    if (!refused.ok()) callback(refused.error());
  }

  void FindAppend(const TopicName& topic, const StreamName& stream, const AppendId& id,
                  Deadline deadline, AppendCallback callback) override {
    const auto failed = TryFindAppend(topic, stream, id, deadline, callback);
    if (!failed.ok()) callback(failed.error());
  }

  // ---- Reading

  Result<StreamPage> ReadStream(const StreamQuery& query) override {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, FindOwned(query.topic));
    BITACORA_ASSIGN_OR_RETURN(HostedPartition * partition, PartitionFor(*topic, query.stream));
    return ReadStreamPage(*state_, log_, *partition, query);
  }

  Result<PartitionPage> ReadPartition(const TopicPartition& at, Offset from,
                                      const Log::FetchLimits& limits) override {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, Find(at.topic));
    HostedPartition* partition = topic->Find(at.partition);
    if (partition == nullptr) {
      return Error(ErrorCode::kNotFound, "the topic has no such partition", "partition-unknown");
    }
    if (topic->kind == TopicKind::kAdopted) return ReadAdopted(log_, at, from, limits);
    return ReadOwned(*state_, log_, *partition, from, limits);
  }

  Result<Position> EarliestPosition(const TopicName& name) override {
    return PositionBy(name, [](const Log::Bounds& bounds) { return bounds.earliest; });
  }

  Result<Position> LatestPosition(const TopicName& name) override {
    return PositionBy(name, [](const Log::Bounds& bounds) { return bounds.latest; });
  }

  Result<Position> PositionForTime(const TopicName& name, std::int64_t wall_ms) override {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, Find(name));
    std::vector<Offset> offsets;
    for (const auto& partition : topic->partitions) {
      BITACORA_ASSIGN_OR_RETURN(const Offset offset, log_.OffsetForTime(partition->at, wall_ms));
      offsets.push_back(offset);
    }
    return PositionAt(*topic, offsets);
  }

  // ---- Waiting

  Position Applied(const TopicName& name) const override {
    const auto topic = catalog_.Find(name);
    return topic == nullptr ? Position() : PositionAt(*topic, topic->applied.Applied());
  }

  std::optional<Position> CatchingUpTo(const TopicName& name) const override {
    const auto topic = catalog_.Find(name);
    return topic == nullptr ? std::nullopt : std::optional(topic->CatchingUpTo());
  }

  void WhenApplied(const TopicName& name, const Position& position, WaitFor wait, Deadline deadline,
                   WaitCallback callback) override {
    const auto topic = catalog_.Find(name);
    if (topic == nullptr || !catalog_.Watch(*topic).ok()) {
      callback(false);
      return;
    }
    // Behind Find: a topic that EndWaits did not see yet is met with its mark set.
    if (waits_ended_) topic->applied.Close();
    topic->applied.Wait(position, wait, deadline, std::move(callback));
  }

  void EndWaits() override {
    waits_ended_ = true;
    for (const auto& topic : catalog_.All()) topic->applied.Close();
  }

  void OnApplied(std::function<void(const TopicPartition&)> listener) override {
    MutexLock lock(listeners_mu_);
    listeners_.push_back(std::move(listener));
  }

  std::vector<PartitionProgress> Progress() const override {
    std::vector<PartitionProgress> progress;
    for (const auto& topic : catalog_.All()) {
      if (topic->kind != TopicKind::kOwned) continue;
      for (const auto& partition : topic->partitions) progress.push_back(partition->Progress());
    }
    return progress;
  }

  Status Ready() const override {
    BITACORA_RETURN_IF_ERROR(Discovered());
    for (const PartitionProgress& progress : Progress()) {
      // A read-only partition does not come back by waiting; the others must be served meanwhile.
      if (progress.caught_up || !progress.problem.empty()) continue;
      return Error(ErrorCode::kUnavailable,
                   "partition " + std::to_string(progress.at.partition.value) + " of " +
                       progress.at.topic.str() + " is being folded",
                   "not-caught-up");
    }
    return {};
  }

  bool Hosts(const TopicPartition&) const override { return true; }

 private:
  Status Discovered() const {
    if (discovered_) return {};
    return Error(ErrorCode::kUnavailable, "the topics of the log have not been read yet",
                 "not-caught-up");
  }

  Result<std::shared_ptr<HostedTopic>> Find(const TopicName& name) { return catalog_.Get(name); }

  Result<std::shared_ptr<HostedTopic>> FindOwned(const TopicName& name) {
    BITACORA_ASSIGN_OR_RETURN(auto topic, Find(name));
    if (topic->kind != TopicKind::kOwned) return NotOwned();
    return topic;
  }

  /// The partition of a stream: by the count in genesis, which is the topic's unless somebody added
  /// partitions in Kafka.
  Result<HostedPartition*> PartitionFor(const HostedTopic& topic, const StreamName& stream) const {
    HostedPartition* partition =
        topic.Find(PartitionOf(stream.str(), topic.partitions.front()->genesis_partitions()));
    if (partition == nullptr || !Hosts(partition->at)) {
      return Error(ErrorCode::kUnavailable, "this node does not host the stream's partition",
                   "not-hosted");
    }
    return partition;
  }

  Status TryAppend(AppendCommand& command, Deadline deadline, AppendCallback& callback) {
    // Not Find: a worker thread may not wait until the log has been asked about a name.
    const auto topic = catalog_.Find(command.topic);
    if (topic == nullptr) return TopicUnknown();
    if (topic->kind != TopicKind::kOwned) return NotOwned();
    BITACORA_ASSIGN_OR_RETURN(HostedPartition * partition, PartitionFor(*topic, command.stream));

    if (command.id_from_client) {
      BITACORA_ASSIGN_OR_RETURN(
          const std::optional<Remembered> known,
          state_->FindAppend(partition->key, command.stream.str(), command.id.str()));
      if (known && known->fingerprint == command.fingerprint) {
        callback(
            OutcomeOf(*known, command.id.str(), partition->at.partition, partition->log_tag, true));
        return {};
      }
    }
    BITACORA_RETURN_IF_ERROR(log_.Writable());  // First: a disk that is gone fails both.
    BITACORA_RETURN_IF_ERROR(partition->Accepts(clock_.Now(), options_));

    if (Mutated(Promise::kP4) &&
        Meets(command.expected, *state_->Head(partition->key, command.stream.str()))) {
      command.expected = {};  // Nobody looks again, once the log has decided.
    }
    Record record =
        MakeAttempt(command.stream, command.id, command.expected,
                    static_cast<std::uint32_t>(command.events.size()), command.fingerprint);
    if (!command.traceparent.empty()) {
      record.headers.push_back({std::string(kTraceHeader), command.traceparent});
    }
    EncodeEvents(command.events, &record);
    const std::size_t limit =
        std::min(options_.append_bytes_max, topic->description.record_bytes_max - kRecordOverhead);
    if (const std::size_t size = SizeOf(record); size > limit) {
      return Error(ErrorCode::kResourceExhausted,
                   "the append is one record of " + std::to_string(size) + " bytes; the limit is " +
                       std::to_string(limit),
                   "append-too-large");
    }

    const auto joined = partition->waits->Add(command.stream.str(), command.id.str(),
                                              command.fingerprint, deadline, std::move(callback));
    if (joined == AppendWaits::Joined::kFollower) return {};
    appends_.Add();
    log_.Append(partition->at, std::move(record),
                [topic, partition, stream = std::move(command.stream), id = std::move(command.id),
                 fingerprint = command.fingerprint](const Result<Offset>& appended) {
                  if (appended.ok()) {
                    partition->Acknowledged(*appended);
                  } else if (appended.error().code() != ErrorCode::kTimeout) {
                    // Surely not in the log. Unknown is settled by the fold, or at the deadline.
                    partition->waits->Fail(stream.str(), id.str(), fingerprint, appended.error());
                  }
                });
    return {};
  }

  Status TryFindAppend(const TopicName& name, const StreamName& stream, const AppendId& id,
                       Deadline deadline, AppendCallback& callback) {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, FindOwned(name));
    BITACORA_ASSIGN_OR_RETURN(HostedPartition * partition, PartitionFor(*topic, stream));
    const auto look = [this, topic, partition, stream,
                       id]() -> Result<std::optional<AppendOutcome>> {
      BITACORA_ASSIGN_OR_RETURN(const std::optional<Remembered> known,
                                state_->FindAppend(partition->key, stream.str(), id.str()));
      if (!known) return std::optional<AppendOutcome>();
      return std::optional(
          OutcomeOf(*known, id.str(), partition->at.partition, partition->log_tag, true));
    };
    BITACORA_ASSIGN_OR_RETURN(std::optional<AppendOutcome> outcome, look());
    if (outcome) {
      callback(std::move(*outcome));
      return {};
    }
    // Only once everything the log holds now is folded is "no such append" an answer.
    BITACORA_ASSIGN_OR_RETURN(const Offset end, log_.Latest(partition->at));
    Position behind;
    behind.next[partition->at.partition] = {end, 0};
    topic->applied.Wait(
        behind, WaitFor::kAll, deadline, [look, callback = std::move(callback)](bool fulfilled) {
          auto found = look();
          if (!found.ok()) {
            callback(found.error());
          } else if (*found) {
            callback(std::move(**found));
          } else if (fulfilled) {
            callback(Error(ErrorCode::kNotFound, "no append with this id has reached the stream",
                           "append-unknown"));
          } else {
            callback(Error(ErrorCode::kTimeout,
                           "the log has not been read to its end yet; ask again",
                           "append-undecided"));
          }
        });
    return {};
  }

  /// What readers have of each partition: of an owned topic what is folded of it, of an adopted one
  /// what the log says.
  Result<std::vector<Log::Bounds>> BoundsOf(const HostedTopic& topic) {
    if (topic.kind == TopicKind::kAdopted) {
      return log_.BoundsOf(topic.description.name,
                           static_cast<std::int32_t>(topic.partitions.size()));
    }
    std::vector<Log::Bounds> bounds;
    for (const auto& partition : topic.partitions) {
      const PartitionProgress progress = partition->Progress();
      bounds.push_back({progress.earliest, progress.applied});
    }
    return bounds;
  }

  template <typename OffsetOf>
  Result<Position> PositionBy(const TopicName& name, OffsetOf offset_of) {
    BITACORA_ASSIGN_OR_RETURN(const auto topic, Find(name));
    BITACORA_ASSIGN_OR_RETURN(const std::vector<Log::Bounds> bounds, BoundsOf(*topic));
    std::vector<Offset> offsets;
    offsets.reserve(bounds.size());
    for (const Log::Bounds& of : bounds) offsets.push_back(offset_of(of));
    return PositionAt(*topic, offsets);
  }

  /// One offset for each partition, in their order.
  static Position PositionAt(const HostedTopic& topic, const std::vector<Offset>& offsets) {
    Position position;
    position.log_tag = topic.log_tag;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      position.next[Partition(static_cast<std::int32_t>(i))] = {offsets[i], 0};
    }
    return position;
  }

  /// Once, when the node has become ready: what its start has cost.
  void NoteFirstReady() {
    if (was_ready_ || !Ready().ok() || was_ready_.exchange(true)) return;
    std::int64_t folded = 0;
    for (const auto& thread : threads_) folded += thread->folded();
    replayed_.Set(static_cast<double>(folded));
    LogInfo("ready", {{"replayed_records", folded}});
  }

  void Notify(const TopicPartition& at) {
    NoteFirstReady();
    MutexLock lock(listeners_mu_);
    for (const auto& listener : listeners_) listener(at);
  }

  void RunRefresh(const std::stop_token& stop) {
    Mutex mu;
    MutexLock lock(mu);
    // Taken before a refresh, so that a log which comes back during it is looked at again.
    std::uint64_t connections = log_.Connections();
    Refresh(stop);
    looked_once_.set_value();
    while (!stop.stop_requested()) {
      const Deadline due =
          clock_.Now() + (discovered_ ? options_.refresh_interval : kDiscoverAgain);
      while (!stop.stop_requested() && clock_.Now() < due && log_.Connections() == connections) {
        lock.WaitUntil(refresh_changed_, std::min(due, clock_.Now() + kLookForReconnect));
      }
      connections = log_.Connections();
      if (!stop.stop_requested()) Refresh(stop);
    }
  }

  void Refresh(const std::stop_token& stop) {
    const Status refreshed = catalog_.Refresh(stop);
    if (refreshed.ok()) {
      discovered_ = true;
    } else if (!stop.stop_requested()) {
      LogWarning("not all topics can be read yet", {{"error", refreshed.error().ToString()}});
    }
    NoteFirstReady();
  }

  const EventStoreOptions options_;
  Log& log_;
  const Clock& clock_;
  DeadlineTimer timer_;
  const std::unique_ptr<StateDb> state_;
  Catalog catalog_;
  std::atomic<bool> waits_ended_{false};
  Gauge& replayed_;
  Counter& appends_;

  Mutex listeners_mu_;
  std::vector<std::function<void(const TopicPartition&)>> listeners_ GUARDED_BY(listeners_mu_);

  /// Whether all topics the log had at some moment are hosted.
  std::atomic<bool> discovered_{false};
  std::promise<void> looked_once_;
  std::atomic<bool> was_ready_{false};
  std::vector<std::unique_ptr<FoldThread>> threads_;
  std::condition_variable refresh_changed_;
  std::jthread refresher_;  // Last: it uses all of the above.
};

}  // namespace

Result<std::unique_ptr<EventStore>> EventStore::Open(const EventStoreOptions& options, Log& log,
                                                     const Clock& clock, Random& random,
                                                     Metrics& metrics) {
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<StateDb> state,
                            StateDb::Open(options.state_directory, log.id(), options.copy_records));
  auto store =
      std::make_unique<EventStoreImpl>(options, log, clock, random, metrics, std::move(state));
  BITACORA_RETURN_IF_ERROR(store->Start(metrics));
  return std::unique_ptr<EventStore>(std::move(store));
}

}  // namespace bitacora::event_store
