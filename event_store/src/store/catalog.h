// The topics of this node: found in the log, made in it, hosted here.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/uuid.h>
#include <bitacora/domain/admit.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/log.h>

#include "src/store/fold_thread.h"
#include "src/store/hosted_topic.h"
#include "src/store/log_check.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// Thread-safe. All calls but Find and All block.
class Catalog {
 public:
  Catalog(const EventStoreOptions& options, Log& log, StateDb& state, DeadlineTimer& timer,
          Random& random, const Clock& clock);

  /// Once, before anything is hosted; they must outlive the catalog's use.
  void UseThreads(std::vector<std::unique_ptr<FoldThread>>& threads) { threads_ = &threads; }

  std::shared_ptr<HostedTopic> Find(const TopicName& name) const;
  std::vector<std::shared_ptr<HostedTopic>> All() const;

  /// As Find; a name not known is looked for in the log. kNotFound "topic-unknown".
  Result<std::shared_ptr<HostedTopic>> Get(const TopicName& name);
  /// Hosts what others made since, looks again at topics with a problem, and checks that the log is
  /// still the one that was folded, with settings that keep it. For one thread; ends early, with an
  /// error, where it is to stop.
  Status Refresh(const std::stop_token& stop);

  Result<EventStore::Made> Create(const TopicName& name, std::int32_t partitions,
                                  Deadline deadline);
  Result<EventStore::Made> Own(const TopicName& name, Deadline deadline);

  /// Learns from now on when an adopted topic grows.
  Status Watch(HostedTopic& topic);

 private:
  class Claim;

  void CheckLog();
  /// Hosts what is new behind `description`, or was made anew. Any thread.
  Status RefreshTopic(const TopicDescription& description);
  /// Hosts `known` anew where its head speaks of another log by now; else null.
  Result<std::shared_ptr<HostedTopic>> HostAgain(const Claim& claim, HostedTopic& known,
                                                 const TopicDescription& description);
  Result<std::shared_ptr<HostedTopic>> Host(const Claim& claim,
                                            const TopicDescription& description);
  Status HostPartition(HostedTopic& topic, const TopicState& state, Partition partition,
                       const PartitionHead& head, const Log::Bounds& bounds);
  Status WriteGenesis(const TopicName& name, std::int32_t partitions, Deadline deadline);
  Result<std::shared_ptr<HostedTopic>> AwaitOwned(const TopicName& name, Deadline deadline);
  /// Until the folds of `topic` have met its end; false once `deadline` has passed.
  bool AwaitEnd(const HostedTopic& topic, Deadline deadline) const;
  void Pause() const;
  FoldThread& ThreadOf(const TopicPartition& at) const;
  void Unhost(const HostedTopic& topic);

  Log& log_;
  StateDb& state_;
  DeadlineTimer& timer_;
  Random& random_;
  const Clock& clock_;
  LogCheck check_;
  std::vector<std::unique_ptr<FoldThread>>* threads_ = nullptr;

  mutable Mutex mu_;
  std::map<TopicName, std::shared_ptr<HostedTopic>> topics_ GUARDED_BY(mu_);
  std::set<TopicName> claimed_ GUARDED_BY(mu_);
  std::condition_variable unclaimed_;
};

}  // namespace bitacora::event_store
