// What folds have committed and the state's RocksDB does not have yet, in memory. Rows that are
// gathered here for a while and written in the order of their keys cost RocksDB half of what they
// cost one batch of a fold after the other, and no answer waits for that (docs/adr/0011).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <bitacora/domain/admit.h>
#include <bitacora/domain/ids.h>

#include "src/store/state_codec.h"

namespace bitacora::event_store {

/// Not thread-safe: StateDb guards it.
class Unwritten {
 public:
  using Appends = std::unordered_map<std::string, Remembered>;  ///< By AppendKey.
  using Folds = std::map<PartitionKey, PartitionState>;

  /// An admitted append.
  struct Admitted {
    PartitionKey partition;
    std::string stream;  ///< Its StreamPrefix.
    Version first_version;
    Offset offset;
    std::uint32_t count = 0;
    std::string copy;  ///< Of its record; empty where records are not copied.
  };
  /// What a batch of a fold adds.
  struct Changes {
    Appends appends;
    std::vector<Admitted> admitted;  ///< Of each partition in the order of offsets.
    Folds folds;
  };
  /// Takes what it needs of them; the rest is for the caller to drop.
  void Add(Changes& changes);

  bool empty() const { return appends_.empty() && folds_.empty(); }
  std::size_t records() const { return appends_.size(); }
  std::size_t copied_bytes() const { return copied_bytes_; }

  const Appends& appends() const { return appends_; }
  const Folds& folds() const { return folds_; }

  /// The appends of a stream, in order.
  using Stream = std::vector<StreamAppend>;
  using Streams = std::unordered_map<std::string, Stream>;  ///< By StreamPrefix.
  const Streams& streams() const { return streams_; }

  /// Runs of admitted records, in order.
  using Runs = std::vector<std::shared_ptr<const AdmittedRun>>;
  const std::map<PartitionKey, std::vector<std::shared_ptr<AdmittedRun>>>& runs() const {
    return runs_;
  }
  /// Adds those of the partition from the one that may hold `from` on to `*out`. They do not change
  /// any more: of one that may still grow it is a copy.
  void RunsFrom(const PartitionKey& partition, Offset from, Runs* out) const;
  /// The run that begins with `first`, or null.
  std::shared_ptr<const AdmittedRun> FindRun(const PartitionKey& partition, Offset first) const;

 private:
  /// Returns the first offset of the run that it is in now.
  Offset AddToRun(Admitted& admitted);

  Appends appends_;
  Folds folds_;
  Streams streams_;
  std::map<PartitionKey, std::vector<std::shared_ptr<AdmittedRun>>> runs_;
  std::size_t copied_bytes_ = 0;
};

}  // namespace bitacora::event_store
