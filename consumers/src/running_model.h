// A model that is kept up with its topic.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/mutex.h>
#include <bitacora/domain/position.h>
#include <bitacora/event_store/applied_waits.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/projections/projection.h>
#include <bitacora/projections/read_model_store.h>

namespace bitacora::consumers {

/// Of one partition. `state` and `batch` are for the worker that has it from the queue, all else is
/// thread-safe.
class RunningPartition {
 public:
  RunningPartition(projections::ReadModelStore& store, const projections::Model& model,
                   const TopicPartition& where, projections::PartitionState from)
      : at(where), state(from), batch(store, model, where.partition), documents_(from.documents) {}

  const TopicPartition at;
  projections::PartitionState state;
  projections::DocumentBatch batch;

  /// It goes no further; the first reason stays.
  void Stop(std::string problem) EXCLUDES(mu_);
  std::optional<std::string> Stopped() const EXCLUDES(mu_);
  void SetDocuments(std::int64_t documents) EXCLUDES(mu_);
  std::int64_t documents() const EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  std::optional<std::string> problem_ GUARDED_BY(mu_);
  std::int64_t documents_ GUARDED_BY(mu_);
};

/// Shared by the map of models, workers and those who wait; one that was replaced lives on until
/// the last of them lets go.
struct RunningModel {
  RunningModel(projections::Model model_, event_store::Topic topic_, DeadlineTimer& timer)
      : model(std::move(model_)),
        topic(std::move(topic_)),
        log_tag(TagOfLog(topic.log_id)),
        build(model.identity.program + "." + std::to_string(model.number)),
        applied(topic.partitions, timer) {}

  /// Reads where each partition stands; one that never began does at the topic's earliest offset.
  /// The model is to catch up to `whole`.
  Status Load(projections::ReadModelStore& store, const Position& earliest, Position whole);

  /// What it has to apply before its documents are those of the topic; empty once it has, and from
  /// then on. Partitions that have stopped are left out, and where the fold of `store` has stopped
  /// there is no more than it gave.
  Position CatchingUpTo(event_store::EventStore& store) const;

  /// FormatPosition of how far all partitions are.
  std::string Applied() const EXCLUDES(mu_);
  /// Why `position` is not reached and, as long as nobody does something, will not be; success
  /// where no partition it names has stopped before it.
  Status StoppedBefore(const Position& position) const;

  const projections::Model model;
  const event_store::Topic topic;  ///< As it was when the model was started.
  const std::uint32_t log_tag;
  const std::string build;
  event_store::AppliedWaits applied;
  std::vector<std::unique_ptr<RunningPartition>> partitions;  ///< Constant after Load.

 private:
  /// As whole_, without what the store does not fold any more.
  Position WholeIn(event_store::EventStore& store) const;

  Position whole_;  ///< Constant after Load.
  mutable std::atomic<bool> caught_up_{false};

  /// The last answer of Applied: each answer of the model has it.
  struct Formatted {
    std::vector<Offset> of;
    std::string text;
  };
  mutable Mutex mu_;
  mutable Formatted formatted_ GUARDED_BY(mu_);
};

}  // namespace bitacora::consumers
