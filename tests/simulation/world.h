// One log, two nodes and their clients, driven by one seed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/domain/record.h>

#include "simulation/node.h"
#include "simulation/oracle.h"
#include "support/memory_log.h"
#include "support/temporary_directory.h"

namespace bitacora::simulation {

/// For one thread. Two worlds of one seed do the same, step by step.
class World {
 public:
  explicit World(std::uint64_t seed, Mistake mistake = Mistake::kNone);

  /// The first promise that was broken, in words, or nothing.
  std::optional<std::string> Run(int steps);

  struct Counts {
    std::int64_t appends = 0;
    std::int64_t unknown = 0;  ///< Appends whose answer was lost, written or not.
    std::int64_t answers = 0;  ///< Verdicts that clients were told.
    std::int64_t crashes = 0;
    std::int64_t lost = 0;  ///< Records that had to be folded again after power cuts.
  };
  const Counts& counts() const { return counts_; }
  /// Times that copies of records, which a power cut had taken, were read from the log.
  std::int64_t copies_missed() const {
    std::int64_t missed = 0;
    for (const Running& running : nodes_) missed += running.node->copies_missed();
    return missed;
  }

 private:
  /// What a client was told, once and for ever.
  struct Told {
    bool admitted = false;
    std::optional<Version> first;
    std::optional<Version> head;
    bool operator==(const Told&) const = default;
  };
  using StreamAndId = std::pair<std::string, std::string>;
  struct Running {
    std::unique_ptr<Node> node;
    std::map<StreamAndId, int> waiting;  ///< Appends of its clients, with how many copies.
  };

  void Begin();
  void Step();
  void Act();

  // What may happen in a step.
  void Send(Intent intent);
  Intent NewAppend();
  Intent OldAppend();
  void WriteForeign();
  void Fold(Running& running);
  void Apply(Running& running);
  void ReadStream(const Running& running);
  void AskForAppend(const Running& running);
  std::int64_t SomeCall();
  void LosePower(Running& running);
  void CatchUp();

  // What must hold.
  void CheckStep(Running& running, Partition partition, const StoredRecord& record,
                 const FoldStep& step, std::vector<std::pair<StreamAndId, Told>>* answers);
  void CheckPositions(const Running& running, Partition partition);
  void CheckDocuments(const Running& running, Partition partition);
  void CheckStreams(const Running& running);
  void CheckTold(const Running& running);
  void CheckStreamOn(const Running& running, const std::string& stream, Version from,
                     bool backwards);
  void Answer(const StreamAndId& append, const Told& told);

  Partition HomeOf(const std::string& stream) const { return PartitionOf(stream, partitions_); }
  Record RecordOf(const Intent& intent) const;
  void Write(Partition partition, const Intent& intent, Record record);
  Running& AnyNode() { return nodes_[random_() % nodes_.size()]; }
  Partition AnyPartition();
  bool Chance(int in_thousand) {
    return random_() % 1000 < static_cast<std::uint64_t>(in_thousand);
  }
  void Fail(const std::string& what);
  void Need(const Status& status, const std::string& what);
  /// As Need, of what may fail because the node's power is cut. Whether it was done.
  bool Done(const Running& running, const Status& status, const std::string& what);

  const Mistake mistake_;
  std::mt19937_64 random_;
  tests::TemporaryDirectory directory_;
  tests::MemoryLog log_;
  const std::int32_t partitions_;
  std::vector<std::string> streams_;
  std::vector<Oracle> oracles_;  ///< By partition.
  std::array<Running, 2> nodes_;
  std::vector<Intent> sent_;
  std::map<StreamAndId, Told> told_;
  /// Whoever has folded up to an offset has the same of it, on every node and after every crash.
  std::map<std::pair<Partition, Offset>, event_store::PartitionState> folds_;
  std::map<std::pair<Partition, Offset>, projections::PartitionState> models_;
  std::int64_t bodies_ = 0;
  Counts counts_;
  std::optional<std::string> failure_;
};

}  // namespace bitacora::simulation
