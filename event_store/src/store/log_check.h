// Whether the log is still the one that was folded: it begins with the genesis, and holds the last
// record, that a partition's state rests on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/log.h>

#include "src/store/hosted_topic.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// What the first records of a partition say about it.
struct PartitionHead {
  Offset earliest;
  std::optional<Genesis> genesis;
  bool lost = false;   ///< Attempts, but no genesis before them.
  bool empty = false;  ///< No records at all.
};
/// *Blocks.* Errors as Log::Fetch.
Result<PartitionHead> ReadHead(Log& log, const TopicPartition& at);

/// Whether there is no record in the partition but such as another server writes that makes the
/// topic, of so many partitions, right now, or wrote before it was stopped at that. *Blocks.*
/// Errors as Log::Fetch.
Result<bool> HoldsOnlyGenesis(Log& log, const TopicPartition& at, std::int32_t partitions);

/// Whether the log holds what led to `state`. *Blocks.* kCorruption "log-head-lost",
/// "log-moved-backwards"; other errors say that it could not be found out.
Status CheckPartition(Log& log, const TopicPartition& at, const PartitionState& state);

/// Does so again while the topics are folded. For one thread.
class LogCheck {
 public:
  /// Called for each partition that cannot be folded on, with why.
  using Condemn = std::function<void(HostedPartition&, const Error&)>;

  LogCheck(const EventStoreOptions& options, Log& log, const StateDb& state, const Clock& clock);

  /// Looks after the owned ones of `topics`. Each time: whether partitions that have come to rest
  /// end where their fold stands. Every `check_interval`, and after the log was away: all of
  /// CheckPartition. What cannot be found out now is asked again the next time. *Blocks.*
  void Run(const std::vector<std::shared_ptr<HostedTopic>>& topics, const Condemn& condemn);

 private:
  /// What the last run saw of a partition.
  struct Seen {
    Offset next;                           ///< Folded up to here.
    std::optional<Deadline> behind_since;  ///< The log ended before that, and does so still.
  };

  bool IsDue();
  /// Whether the partition is sound as far as `whole` says; nothing: it could not be found out.
  std::optional<Status> Look(const HostedPartition& partition, bool whole);
  std::optional<Status> LookAtEnd(const TopicPartition& at, Offset next);

  const EventStoreOptions& options_;
  Log& log_;
  const StateDb& state_;
  const Clock& clock_;
  Deadline due_;
  std::uint64_t connections_;
  std::unordered_map<TopicPartition, Seen> seen_;
};

}  // namespace bitacora::event_store
