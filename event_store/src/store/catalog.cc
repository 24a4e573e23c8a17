#include "src/store/catalog.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include <bitacora/base/log.h>
#include <bitacora/base/thread.h>

namespace bitacora::event_store {
namespace {

constexpr std::chrono::milliseconds kLookAgain{20};
/// A PUT of a topic that is there waits no longer for its fold.
constexpr std::chrono::seconds kAwaitExisting{1};
/// Topics that are hosted side by side: on Kafka each waits for some ten answers, one behind the
/// other, and the machine for none of them.
constexpr std::size_t kHostedAtOnce = 4;

/// Waits for a number of callbacks, or a deadline.
class Latch {
 public:
  explicit Latch(int count) : left_(count) {}
  void Done(const Status& status) {
    {
      MutexLock lock(mu_);
      --left_;
      if (!status.ok()) status_ = status;
    }
    changed_.notify_all();
  }
  Status Wait(Deadline deadline) {
    MutexLock lock(mu_);
    while (left_ > 0) {
      if (!lock.WaitUntil(changed_, deadline) && left_ > 0) {
        return Error(ErrorCode::kUnavailable, "the log did not answer in time", "log-unavailable");
      }
    }
    return status_;
  }

 private:
  Mutex mu_;
  std::condition_variable changed_;
  int left_ GUARDED_BY(mu_);
  Status status_ GUARDED_BY(mu_);
};

Error TopicExists(const Topic& topic) {
  const std::string kind = topic.kind == TopicKind::kOwned ? "owned" : "adopted";
  return {
      ErrorCode::kAlreadyExists,
      "the topic exists, " + kind + ", with " + std::to_string(topic.partitions) + " partitions",
      "topic-exists"};
}

/// Whether each partition that can be folded has met its end.
bool StandsAtTheEnd(const HostedTopic& topic) {
  return std::ranges::all_of(topic.partitions, [](const auto& partition) {
    const PartitionProgress progress = partition->Progress();
    return progress.caught_up || !progress.problem.empty();
  });
}

/// Whether a look at the topic's head may find another than was hosted. A topic made anew shows as
/// a problem of the old one; and where a topic was met without records, another server may have
/// been about to make it.
bool MayHaveChanged(const HostedTopic& topic) {
  return topic.met_empty || !topic.Describe().problem.empty();
}

/// Nobody could be told where they stand in a topic with more partitions than a position can name.
bool FitsAPosition(const TopicDescription& description) {
  return description.partitions <= kPositionPartitionMax + 1;
}

bool IsHidden(const TopicName& name) { return IsReservedTopic(name); }

/// Calls `work` with each number below `count`, on up to `threads` threads, this one among them.
/// Once `stop` is requested it begins no other.
void ForEach(std::size_t count, std::size_t threads, const std::stop_token& stop,
             const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&](const std::stop_token&) {
    for (std::size_t i = next++; i < count && !stop.stop_requested(); i = next++) work(i);
  };
  std::vector<std::jthread> others;
  try {
    while (others.size() + 1 < std::min(count, threads)) {
      others.push_back(StartThread("topics", run));
    }
  } catch (const std::system_error&) {
    // The machine has no thread to give: those there are will do.
  }
  run({});
}

}  // namespace

/// A name, for as long as its topic is looked at and hosted: so none is hosted twice. Others wait
/// meanwhile, no longer than the calls to the log may take.
class Catalog::Claim {
 public:
  Claim(Catalog& catalog, const TopicName& name) : catalog_(catalog), name_(name) {
    MutexLock lock(catalog_.mu_);
    while (!catalog_.claimed_.insert(name_).second) lock.Wait(catalog_.unclaimed_);
  }
  ~Claim() {
    {
      MutexLock lock(catalog_.mu_);
      catalog_.claimed_.erase(name_);
    }
    catalog_.unclaimed_.notify_all();
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  Catalog& catalog_;
  const TopicName name_;
};

Catalog::Catalog(const EventStoreOptions& options, Log& log, StateDb& state, DeadlineTimer& timer,
                 Random& random, const Clock& clock)
    : log_(log),
      state_(state),
      timer_(timer),
      random_(random),
      clock_(clock),
      check_(options, log, state, clock) {}

std::shared_ptr<HostedTopic> Catalog::Find(const TopicName& name) const {
  MutexLock lock(mu_);
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<HostedTopic>> Catalog::All() const {
  MutexLock lock(mu_);
  std::vector<std::shared_ptr<HostedTopic>> all;
  all.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) all.push_back(topic);
  return all;
}

Result<std::shared_ptr<HostedTopic>> Catalog::Get(const TopicName& name) {
  if (auto known = Find(name)) return known;
  const Claim claim(*this, name);
  if (auto known = Find(name)) return known;
  Result<TopicDescription> description = log_.Describe(name);
  if (!description.ok()) {
    if (description.error().code() != ErrorCode::kNotFound) return description.error();
    return Error(ErrorCode::kNotFound, "there is no topic of this name", "topic-unknown");
  }
  if (!FitsAPosition(*description)) {
    return Error(ErrorCode::kConflict,
                 "the topic has " + std::to_string(description->partitions) +
                     " partitions; this release reads topics of up to " +
                     std::to_string(kPositionPartitionMax + 1),
                 "too-many-partitions");
  }
  return Host(claim, *description);
}

Status Catalog::Refresh(const std::stop_token& stop) {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<TopicDescription> descriptions, log_.Topics());
  CheckLog();
  std::vector<const TopicDescription*> changed;
  for (const TopicDescription& description : descriptions) {
    if (IsHidden(description.name) || !FitsAPosition(description)) continue;
    const auto known = Find(description.name);
    if (known != nullptr) known->SetUnsafeSettings(description.unsafe_settings);
    if (known == nullptr || MayHaveChanged(*known)) changed.push_back(&description);
  }
  Mutex mu;
  Status failure;
  ForEach(changed.size(), kHostedAtOnce, stop, [&](std::size_t i) {
    const Status refreshed = RefreshTopic(*changed[i]);
    MutexLock lock(mu);
    if (!refreshed.ok()) failure = refreshed;
  });
  if (stop.stop_requested()) return Error(ErrorCode::kUnavailable, "stopped meanwhile", "draining");
  return failure;
}

Status Catalog::RefreshTopic(const TopicDescription& description) {
  const Claim claim(*this, description.name);
  const auto known = Find(description.name);
  if (known != nullptr && !MayHaveChanged(*known)) return {};
  const auto hosted =
      known == nullptr ? Host(claim, description) : HostAgain(claim, *known, description);
  // Deleted meanwhile.
  if (!hosted.ok() && hosted.error().code() == ErrorCode::kNotFound) return {};
  return hosted.status();
}

void Catalog::CheckLog() {
  check_.Run(All(), [this](HostedPartition& partition, const Error& why) {
    ThreadOf(partition.at).Remove(partition.at);
    partition.SetProblem(why.reason(), why.message());
    LogError("a partition is read-only from here on", {{"topic", partition.at.topic.str()},
                                                       {"partition", partition.at.partition.value},
                                                       {"reason", why.reason()},
                                                       {"detail", why.message()}});
  });
}

FoldThread& Catalog::ThreadOf(const TopicPartition& at) const {
  return *(*threads_)[std::hash<TopicPartition>()(at) % threads_->size()];
}

void Catalog::Unhost(const HostedTopic& topic) {
  for (const auto& partition : topic.partitions) {
    ThreadOf(partition->at).Remove(partition->at);
    partition->waits->Close();
  }
}

Result<std::shared_ptr<HostedTopic>> Catalog::HostAgain(const Claim& claim, HostedTopic& known,
                                                        const TopicDescription& description) {
  const std::shared_ptr<HostedTopic> as_it_was;
  const auto head = ReadHead(log_, {description.name, Partition(0)});
  if (!head.ok()) return as_it_was;
  if (!head->empty) known.met_empty = false;
  if (!head->genesis || head->genesis->log_id == known.log_id) return as_it_was;
  Unhost(known);
  return Host(claim, description);
}

Result<std::shared_ptr<HostedTopic>> Catalog::Host(const Claim&,
                                                   const TopicDescription& description) {
  BITACORA_ASSIGN_OR_RETURN(const PartitionHead head,
                            ReadHead(log_, {description.name, Partition(0)}));
  BITACORA_ASSIGN_OR_RETURN(const std::optional<TopicState> known,
                            state_.FindTopic(description.name));
  // A topic of ours from which everything was deleted is not somebody else's.
  const bool emptied = known && head.empty && head.earliest > Offset(0);
  const bool lost = head.lost || emptied;
  const bool owned = head.genesis.has_value() || lost;
  std::string log_id;
  if (head.genesis) {
    log_id = head.genesis->log_id;
  } else if (lost && known) {
    log_id = known->log_id;  // What was folded before the head was lost stays readable.
  } else {
    log_id = log_.id() + "/" + description.name.str();
  }
  auto topic = std::make_shared<HostedTopic>(
      description, owned ? TopicKind::kOwned : TopicKind::kAdopted, log_id, timer_);
  topic->met_empty = !owned && head.empty;
  TopicState state;
  if (owned) {
    BITACORA_ASSIGN_OR_RETURN(state,
                              state_.OpenTopic(description.name, log_id, description.partitions));
  }
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Log::Bounds> bounds,
                            log_.BoundsOf(description.name, description.partitions));
  for (std::int32_t number = 0; number < description.partitions; ++number) {
    BITACORA_RETURN_IF_ERROR(HostPartition(*topic, state, Partition(number), head,
                                           bounds[static_cast<std::size_t>(number)]));
  }
  topic->SetUnsafeSettings(description.unsafe_settings);
  {
    MutexLock lock(mu_);
    topics_[description.name] = topic;
  }
  if (owned) {
    for (const auto& partition : topic->partitions) {
      if (!partition->condemned()) ThreadOf(partition->at).Add(topic, partition);
    }
  }
  LogInfo("hosting a topic", {{"topic", description.name.str()},
                              {"kind", owned ? "owned" : "adopted"},
                              {"partitions", description.partitions}});
  return topic;
}

Status Catalog::HostPartition(HostedTopic& topic, const TopicState& state, Partition partition,
                              const PartitionHead& head, const Log::Bounds& bounds) {
  const TopicPartition at{topic.description.name, partition};
  auto hosted = std::make_shared<HostedPartition>(at, PartitionKey{state.number, partition.value},
                                                  topic.kind, topic.log_tag, timer_);
  hosted->SetGenesisPartitions(head.genesis ? head.genesis->partitions
                                            : topic.description.partitions);
  hosted->SetEarliest(bounds.earliest);
  if (topic.kind == TopicKind::kOwned) {
    BITACORA_ASSIGN_OR_RETURN(hosted->folded, state_.LoadPartition(hosted->key));
    PartitionFold& fold = hosted->folded.fold;
    if (!hosted->folded.last && bounds.earliest > fold.next) {
      // Nothing is lost where a genesis comes first: the topic had been emptied when it became
      // ours.
      BITACORA_ASSIGN_OR_RETURN(const PartitionHead own_head, ReadHead(log_, at));
      if (own_head.genesis) fold.next = bounds.earliest;
    }
    hosted->Applied(fold.next, fold.events, clock_.Now());
    topic.applied.Advance(partition, fold.next);
    hosted->KnowEnd(bounds.latest);
    const Status status = CheckPartition(log_, at, hosted->folded);
    if (!status.ok() && status.error().retryable()) return status;
    if (!status.ok()) {
      hosted->SetProblem(status.error().reason(), status.error().message());
    } else if (!head.genesis) {
      hosted->SetProblem("log-head-lost", "the topic's genesis record is gone");
    }
  } else {
    hosted->folded.fold.next = bounds.latest;
    hosted->Applied(bounds.latest, 0, clock_.Now());
    hosted->MetEnd(bounds.latest, clock_.Now());
  }
  topic.partitions.push_back(std::move(hosted));
  return {};
}

Status Catalog::Watch(HostedTopic& topic) {
  if (topic.kind == TopicKind::kOwned || topic.watched.exchange(true)) return {};
  // So that it is not made ours or anew before its partitions are read.
  const Claim claim(*this, topic.description.name);
  const auto shared = Find(topic.description.name);
  if (shared.get() != &topic) return {};  // That came first.
  const auto bounds = log_.BoundsOf(topic.description.name, topic.description.partitions);
  if (!bounds.ok()) {
    topic.watched = false;
    return bounds.error();
  }
  for (const auto& partition : topic.partitions) {
    const TopicPartition& at = partition->at;
    const Offset latest = (*bounds)[static_cast<std::size_t>(at.partition.value)].latest;
    partition->folded.fold.next = latest;
    topic.applied.Advance(at.partition, latest);
    ThreadOf(at).Add(shared, partition);
  }
  return {};
}

Status Catalog::WriteGenesis(const TopicName& name, std::int32_t partitions, Deadline deadline) {
  Genesis genesis;
  genesis.log_id = MakeUuidV4(random_);
  genesis.partitions = partitions;
  const auto write = [&](std::int32_t first, std::int32_t end) {
    // Shared with the callbacks, which may come after the deadline.
    const auto latch = std::make_shared<Latch>(end - first);
    for (std::int32_t number = first; number < end; ++number) {
      log_.Append({name, Partition(number)}, MakeGenesis(genesis),
                  [latch](const Result<Offset>& appended) { latch->Done(appended.status()); });
    }
    return latch->Wait(deadline);
  };
  // That of partition 0 last: with it the topic is ours, and nobody writes the others any more.
  Status status = write(1, partitions);
  if (status.ok()) {
    status = write(0, 1);
    // It may be there or not: whoever waits for the topic sees. Of several the lowest counts.
    if (!status.ok() && status.error().code() == ErrorCode::kTimeout) return {};
  }
  if (status.ok()) return {};
  const auto ask_again = [](std::string_view why) {
    return Error(ErrorCode::kUnavailable,
                 "the topic is there, but " + std::string(why) + "; ask again", "log-unavailable");
  };
  if (status.error().code() == ErrorCode::kTimeout) return ask_again("is not made yet");
  if (status.error().code() == ErrorCode::kNotFound) {
    return ask_again("its leader does not know it yet");
  }
  return status;
}

void Catalog::Pause() const {
  std::condition_variable never;
  Mutex mu;
  MutexLock lock(mu);
  lock.WaitUntil(never, clock_.Now() + kLookAgain);
}

Result<std::shared_ptr<HostedTopic>> Catalog::AwaitOwned(const TopicName& name, Deadline deadline) {
  std::shared_ptr<HostedTopic> topic;
  while (true) {
    const auto known = Find(name);
    if (known != nullptr && known->kind == TopicKind::kAdopted) {
      const Claim claim(*this, name);
      if (Find(name) == known) {
        BITACORA_ASSIGN_OR_RETURN(topic, HostAgain(claim, *known, known->description));
      }
    } else if (const auto found = Get(name); found.ok()) {
      topic = *found;
    } else if (found.error().code() != ErrorCode::kNotFound) {
      return found.error();  // Another broker may hear of the topic a moment later.
    }
    if (topic != nullptr && topic->kind == TopicKind::kOwned) break;
    topic.reset();
    if (clock_.Now() > deadline) {
      return Error(ErrorCode::kUnavailable,
                   "the topic is there, but its first record is not to be read yet; ask again",
                   "log-unavailable");
    }
    Pause();
  }
  // Whoever has made a topic may append to it at once: its folds have met the end before.
  if (AwaitEnd(*topic, deadline)) return topic;
  return Error(ErrorCode::kUnavailable, "the topic is there, but is still being read; ask again",
               "not-caught-up");
}

bool Catalog::AwaitEnd(const HostedTopic& topic, Deadline deadline) const {
  while (!StandsAtTheEnd(topic)) {
    if (clock_.Now() > deadline) return false;
    Pause();
  }
  return true;
}

Result<EventStore::Made> Catalog::Create(const TopicName& name, std::int32_t partitions,
                                         Deadline deadline) {
  if (const auto known = Get(name); known.ok()) {
    const Topic topic = (*known)->Describe();
    if (topic.partitions != partitions) return TopicExists(topic);
    if (topic.kind == TopicKind::kOwned) {
      // Another server may have made it a moment ago, at the word of another of the same clients.
      // What takes longer is a start, and says so where it is appended to.
      AwaitEnd(**known, std::min(deadline, clock_.Now() + kAwaitExisting));
      return EventStore::Made::kExisting;
    }
    // Empty and with the settings of an owned topic: somebody was stopped between making the topic
    // and writing its genesis. This finishes it.
    const auto owned = Own(name, deadline);
    if (owned.ok() || owned.error().retryable()) return owned;
    return TopicExists(topic);
  } else if (known.error().code() != ErrorCode::kNotFound) {
    return known.error();
  }
  const Status created = log_.CreateTopic(name, partitions);
  const bool raced = !created.ok() && created.error().code() == ErrorCode::kAlreadyExists;
  if (!created.ok() && !raced) return created.error();
  if (!raced) BITACORA_RETURN_IF_ERROR(WriteGenesis(name, partitions, deadline));
  BITACORA_ASSIGN_OR_RETURN(const auto topic, AwaitOwned(name, deadline));
  if (topic->description.partitions != partitions) return TopicExists(topic->Describe());
  return raced ? EventStore::Made::kExisting : EventStore::Made::kNew;
}

Result<EventStore::Made> Catalog::Own(const TopicName& name, Deadline deadline) {
  BITACORA_ASSIGN_OR_RETURN(const auto known, Get(name));
  if (known->kind == TopicKind::kOwned) return EventStore::Made::kExisting;
  BITACORA_ASSIGN_OR_RETURN(const TopicDescription description, log_.Describe(name));
  if (!description.unsafe_settings.empty()) {
    return Error(ErrorCode::kConflict,
                 "the topic could lose events; change its setting " +
                     description.unsafe_settings.front() + " first",
                 "unsafe-settings");
  }
  for (const auto& partition : known->partitions) {
    BITACORA_ASSIGN_OR_RETURN(const bool begun,
                              HoldsOnlyGenesis(log_, partition->at, known->description.partitions));
    if (begun) continue;
    // Another server may have made it since this one met it, and taken appends.
    BITACORA_ASSIGN_OR_RETURN(const PartitionHead head, ReadHead(log_, {name, Partition(0)}));
    if (head.genesis) {
      BITACORA_RETURN_IF_ERROR(AwaitOwned(name, deadline).status());
      return EventStore::Made::kExisting;
    }
    return Error(ErrorCode::kAlreadyExists, "only a topic without records can become owned",
                 "topic-not-empty");
  }
  BITACORA_RETURN_IF_ERROR(WriteGenesis(name, known->description.partitions, deadline));
  BITACORA_RETURN_IF_ERROR(AwaitOwned(name, deadline).status());
  return EventStore::Made::kNew;
}

}  // namespace bitacora::event_store
