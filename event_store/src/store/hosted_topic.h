// Topics and partitions as this node runs them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/applied_waits.h>
#include <bitacora/event_store/event_store.h>

#include "src/store/append_waits.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// One partition this node hosts. `folded` belongs to the fold thread once it is assigned there;
/// all else is thread-safe.
class HostedPartition {
 public:
  HostedPartition(TopicPartition where, PartitionKey key_, TopicKind kind_, std::uint32_t log_tag_,
                  DeadlineTimer& timer)
      : at(std::move(where)),
        key(key_),
        kind(kind_),
        log_tag(log_tag_),
        waits(std::make_shared<AppendWaits>(timer)) {}

  const TopicPartition at;
  const PartitionKey key;
  const TopicKind kind;
  const std::uint32_t log_tag;
  /// Shared with the log's callbacks of appends that are still in flight when the store closes.
  const std::shared_ptr<AppendWaits> waits;

  PartitionState folded;

  /// An append of ours was acknowledged at `offset`.
  void Acknowledged(Offset offset);
  /// Folded or watched up to `next`.
  void Applied(Offset next, std::int64_t events, Deadline now);
  /// Everything before `end` is folded, and there the log ended.
  void MetEnd(Offset end, Deadline now);
  /// The log goes as far as `end`; how far the fold has come is another matter.
  void KnowEnd(Offset end);
  void SetEarliest(Offset earliest);
  /// Makes it read-only; the first problem stays. `reason` as Topic::problem.
  void SetProblem(std::string_view reason, std::string detail);
  /// While `setting` is not empty no append is accepted; what is there goes on being folded.
  void SetUnsafeSetting(std::string setting);

  PartitionProgress Progress() const;
  std::int64_t events() const { return events_; }
  /// The number of partitions that keys are spread over: genesis', or the topic's before it is met.
  std::int32_t genesis_partitions() const { return genesis_partitions_; }
  void SetGenesisPartitions(std::int32_t partitions) { genesis_partitions_ = partitions; }
  /// Why no append may be produced now: the problem, or a fold that lags. Success: it may.
  Status Accepts(Deadline now, const EventStoreOptions& options);
  /// Up to where it is still to be folded before anybody is told what it holds; see EventStore.
  std::optional<Offset> CatchingUpTo() const;
  /// The problem as an error, or success.
  Status Healthy() const;
  /// Whether it has a problem that does not pass: it is not folded on.
  bool condemned() const;

 private:
  /// Once the fold is at the mark, marks the end that is known now.
  void Mark(Deadline now) REQUIRES_LOCK(mu_);

  std::atomic<std::int64_t> events_{0};
  std::atomic<std::int32_t> genesis_partitions_{1};
  mutable Mutex mu_;
  Offset earliest_ GUARDED_BY(mu_);
  Offset applied_ GUARDED_BY(mu_);
  Offset end_ GUARDED_BY(mu_);
  Offset acknowledged_ GUARDED_BY(mu_);  ///< Behind the highest offset of ours.
  // How late the fold is: the end as it was known at some moment, and that moment. Not the time
  // when everything known of was last applied: under a steady load that moment never comes.
  Offset marked_ GUARDED_BY(mu_);
  Deadline marked_at_ GUARDED_BY(mu_);
  bool caught_up_ GUARDED_BY(mu_) = false;
  std::string_view problem_ GUARDED_BY(mu_);
  std::string problem_detail_ GUARDED_BY(mu_);
  std::string unsafe_setting_ GUARDED_BY(mu_);
};

/// A topic and its partitions. Immutable but for what is thread-safe; shared by whoever uses it
/// while a newer incarnation may take its place in the catalog.
struct HostedTopic {
  HostedTopic(TopicDescription description_, TopicKind kind_, std::string log_id_,
              DeadlineTimer& timer);

  const TopicDescription description;
  const TopicKind kind;
  const std::string log_id;
  const std::uint32_t log_tag;
  std::vector<std::shared_ptr<HostedPartition>> partitions;
  AppliedWaits applied;
  /// Adopted: whether its partitions are assigned to a fold thread, to learn when they grow.
  std::atomic<bool> watched{false};
  /// Adopted while it had no records: somebody may make it ours yet.
  std::atomic<bool> met_empty{false};

  HostedPartition* Find(Partition partition) const;
  /// As they are found in the log now; of an adopted topic they do not matter.
  void SetUnsafeSettings(const std::vector<std::string>& settings);
  Topic Describe() const;
  /// As EventStore has it.
  Position CatchingUpTo() const;

 private:
  /// It never has to again; so whoever reads does not ask each partition.
  mutable std::atomic<bool> caught_up_{false};
};

}  // namespace bitacora::event_store
