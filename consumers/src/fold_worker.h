// One step of a worker: a batch of records into a model.
#pragma once

#include <bitacora/base/metrics.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/projections/projection.h>
#include <bitacora/projections/read_model_store.h>

#include "src/running_model.h"

namespace bitacora::consumers {

/// Folds what comes next in a partition. Thread-safe for different partitions.
class FoldWorker {
 public:
  FoldWorker(event_store::EventStore& store, projections::ReadModelStore& models,
             event_store::Log::FetchLimits limits, Metrics& metrics);

  enum class Outcome {
    kAtEnd,       ///< Nothing more to fold for now, or ever: stopped.
    kMore,        ///< There is more.
    kRetry,       ///< The log cannot be read, or the model not written, for the moment.
    kOtherTopic,  ///< The topic was made anew: this model is of the old one.
  };
  /// Folds at most one batch and tells those who wait.
  Outcome FoldSome(RunningModel& model, RunningPartition& partition);

 private:
  /// Whether the topic is another one by now than the model is of.
  bool MadeAnew(const RunningModel& model) const;
  Outcome HandleError(RunningModel& model, RunningPartition& partition, const Error& error);
  /// Folds the records of `page` and writes what came of it.
  Status Apply(const RunningModel& model, RunningPartition& partition,
               event_store::PartitionPage page);
  /// Retention went past this node while it was away. What is left of the topic is what the model
  /// is of, so it begins again there.
  Outcome BeginAgain(RunningModel& model, RunningPartition& partition, const Error& error);
  Outcome Stop(const RunningModel& model, RunningPartition& partition, const Error& error);

  event_store::EventStore& store_;
  projections::ReadModelStore& models_;
  const event_store::Log::FetchLimits limits_;
  Counter& records_;
  Counter& batches_;
  Counter& stops_;
};

}  // namespace bitacora::consumers
