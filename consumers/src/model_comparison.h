// What a drill finds: a live read model and a rebuilt one, walked side by side.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/consumers/drills.h>
#include <bitacora/projections/read_model_store.h>

namespace bitacora::consumers {

/// Compares a partition of two models of one program. For one thread; neither snapshot is held any
/// longer than a call lasts.
class ModelComparison {
 public:
  /// Both snapshots must outlive it.
  ModelComparison(const projections::ModelSnapshot& kept, const projections::ModelSnapshot& rebuilt,
                  std::string program)
      : kept_(kept), rebuilt_(rebuilt), program_(std::move(program)) {}

  /// Reads every row of both. Where the live model's bytes cannot be read as rows, that is a
  /// difference too. kUnavailable: `stop` was requested; an error of reading the rebuilt one.
  Result<DrillPartition> Compare(Partition partition, const std::stop_token& stop);

  /// Of all partitions compared so far, the first kDrillDifferencesMax.
  const std::vector<DrillDifference>& differences() const { return differences_; }

 private:
  struct Walk;
  Status WalkRows(const std::stop_token& stop, Walk* walk);
  Result<std::optional<projections::Row>> NextKept(Walk* walk);
  void Differ(Walk* walk, DrillDifference difference);

  const projections::ModelSnapshot& kept_;
  const projections::ModelSnapshot& rebuilt_;
  const std::string program_;
  std::vector<DrillDifference> differences_;
};

/// A partition as it stands in a live model: no more is known of it before a drill has ended.
DrillPartition KeptPartition(Partition partition, const projections::PartitionState& kept);

}  // namespace bitacora::consumers
