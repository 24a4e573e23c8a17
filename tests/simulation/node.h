// One node's core, the real thing: stream store and read models in RocksDB, fed from a log, without
// the threads around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/event_store/log.h>
#include <bitacora/projections/read_model_store.h>

#include "src/store/state_db.h"
#include "support/faults/power_cut_file_system.h"

namespace bitacora::simulation {

/// Mistakes that a node can be told to make, to show that a simulation notices them.
enum class Mistake {
  kNone,
  kForgetPosition,     ///< A batch is written without the offset it leads to.
  kPassOverRecord,     ///< A record is left out of the fold.
  kPassOverDocument,   ///< A record is left out of the read model.
  kAcknowledgeAndLose  ///< The log loses a record it acknowledged.
};

class Node {
 public:
  /// Keeps everything below `directory`.
  Node(event_store::Log& log, TopicName topic, std::string log_id, std::int32_t partitions,
       std::string directory, Mistake mistake);

  /// Opens what is there; needed once, before all else.
  Status Open();

  /// Power goes at the `n`-th call to the disk from now on, in whatever runs then. What it fails is
  /// of no more use until LosePower. 0 takes that back.
  void CutPowerAt(std::int64_t n) { disk_->CutAt(n); }
  bool power_is_cut() const { return disk_->is_cut(); }

  using Visit = std::function<void(const StoredRecord&, const FoldStep&)>;

  /// Folds at most `max` records of the partition at once; `visit` hears of each before they are
  /// committed.
  Status Fold(Partition partition, std::size_t max, const Visit& visit);
  /// Folds at most `max` admitted records into the read model.
  Status Apply(Partition partition, std::size_t max);
  /// Writes what RocksDB holds in memory to its files.
  Status FlushModels() { return models_->Flush(); }

  /// Power is gone, or goes now: of what was written and not synced, a part is there when it comes
  /// back. Opens, and may lose power again at call `again` of that.
  Status LosePower(std::uint64_t seed, std::int64_t again);
  /// Deletes the state, or the read models, while nothing is open; then opens.
  Status Forget(bool state);

  event_store::PartitionState folded(Partition partition) const {
    return folds_[static_cast<std::size_t>(partition.value)];
  }
  projections::PartitionState applied(Partition partition) const {
    return applied_[static_cast<std::size_t>(partition.value)];
  }
  event_store::PartitionKey KeyOf(Partition partition) const {
    return {topic_number_, partition.value};
  }
  const event_store::StateDb& state() const { return *state_; }
  /// For what the power took of the state's copies of records.
  event_store::StateDb::FromLog FromLog(Partition partition) const;
  std::int64_t copies_missed() const { return copies_missed_; }
  Result<std::optional<std::string>> Document(const std::string& key) const {
    return models_->Get(model_, key);
  }

 private:
  std::string Directory(std::string_view kind) const;

  event_store::Log& log_;
  const TopicName topic_;
  const std::string log_id_;
  const std::int32_t partitions_;
  const std::string directory_;
  const Mistake mistake_;
  std::int64_t batches_ = 0;
  mutable std::int64_t copies_missed_ = 0;
  const std::shared_ptr<tests::PowerCutFileSystem> disk_ =
      std::make_shared<tests::PowerCutFileSystem>();

  std::unique_ptr<event_store::StateDb> state_;
  std::uint32_t topic_number_ = 0;
  std::vector<event_store::PartitionState> folds_;
  std::unique_ptr<projections::ReadModelStore> models_;
  projections::Model model_;
  std::vector<projections::PartitionState> applied_;
};

}  // namespace bitacora::simulation
