// Drills: rehearsed recoveries. What the log says is made again beside the live state and compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/base/uuid.h>
#include <bitacora/consumers/read_models.h>
#include <bitacora/domain/ids.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

namespace bitacora::consumers {

struct DrillsOptions {
  /// The program that does the reading, a process of its own for each drill: called with the one
  /// argument kRebuildChild, it must end in RunRebuildChild (rebuild_child.h).
  std::string program = "/proc/self/exe";
  /// Made where it is not there; whatever is found in it at Open is removed. On the same file
  /// system as an embedded log, whose files are linked into it.
  std::string scratch_directory;
  /// How a process of its own reaches the log. Nothing: the log is the embedded one, which is read
  /// from a checkpoint in the scratch directory.
  std::optional<event_store::KafkaLogOptions> kafka;
  /// No drill starts, or goes on, with less free on the disk of the scratch directory. 0: 256 MiB
  /// above the embedded log's default, so that appends are not refused for a drill's sake.
  std::uint64_t free_bytes_min = 0;
};

/// One partition of a drill. Digests are 64 hexadecimal digits; empty: not known yet.
struct DrillPartition {
  Partition partition;
  Offset offset;  ///< Next to fold when the snapshot was taken: records before it are compared.
  std::int64_t documents = 0;  ///< As kept.
  std::string kept;            ///< As it stands beside the position.
  std::string recomputed;      ///< Over the documents as they stand.
  std::string rebuilt;         ///< Of what the log says.
  std::optional<bool> equal;   ///< Nothing: not known yet.
};

/// Something in which the live read model and the rebuilt one differ.
struct DrillDifference {
  enum class What {
    kChanged,     ///< Both have the document, and it is not the same.
    kMissing,     ///< Only the rebuilt one has it.
    kUnexpected,  ///< Only the live one has it.
    kCursor,      ///< What stands beside the documents differs: position, chain, counts, digest.
  };
  Partition partition;
  std::optional<std::string> key;  ///< Nothing for kCursor, and where rows cannot be read.
  What what = What::kChanged;
  /// What each has there, in at most kDrillTextMax bytes, from where they begin to differ; empty:
  /// nothing. For people.
  std::string kept;
  std::string rebuilt;
};
inline constexpr std::size_t kDrillTextMax = 200;
/// "changed", "missing", "unexpected", "cursor".
std::string_view DrillDifferenceName(DrillDifference::What what);

enum class DrillState {
  kRunning,
  kEqual,
  kDifferent,
  kFailed,  ///< Says nothing about the read model; DrillReport::error says why.
};
/// "running", "equal", "different", "failed".
std::string_view DrillStateName(DrillState state);

struct DrillReport {
  std::string id;  ///< UUIDv7.
  std::string kind = "rebuild";
  TopicName topic;
  DrillState state = DrillState::kRunning;
  std::int64_t records = 0;        ///< Read so far.
  std::int64_t records_total = 0;  ///< To read. Until the end an upper bound: offsets have holes.
  std::optional<std::int64_t> eta_s;  ///< Only while running, once a rate is known.
  std::vector<DrillPartition> partitions;
  /// The first ones, by partition and key, at most kDrillDifferencesMax in all.
  std::vector<DrillDifference> differences;
  std::string error;  ///< kFailed: a sentence. Else empty.
};
inline constexpr std::size_t kDrillDifferencesMax = 20;

/// Rebuilds `{topic}.latest` of owned topics, one drill at a time, while everything else goes on.
///
/// Positions and digests of all partitions are taken in one snapshot of the read model. A process
/// of its own, nice and killed with this one, reads every record of the topic through admit, from
/// genesis to exactly these positions, into a scratch read model; then both are walked side by
/// side. Memory does not grow with the topic. Reports of the last kDrillReportsMax drills are kept,
/// in memory only.
///
/// Thread-safe.
class Drills {
 public:
  /// All but `options` must outlive it. kPermissionDenied: the scratch directory cannot be made or
  /// emptied.
  static Result<std::unique_ptr<Drills>> Open(const DrillsOptions& options, event_store::Log& log,
                                              event_store::EventStore& store,
                                              ReadModels& read_models, const Clock& clock,
                                              Random& random, Metrics& metrics);
  /// Kills what runs and waits for its end.
  virtual ~Drills() = default;

  /// Begins a drill and returns its first report. Blocks for as long as reading a few rows takes.
  ///
  /// kNotFound "topic-unknown"; kConflict "topic-not-owned"; kResourceExhausted "drills-busy":
  /// another one runs; "disk-full"; kUnavailable: the log or the read model cannot be asked now;
  /// kCorruption "state-damaged": the positions cannot be read, and nothing can be compared.
  virtual Result<DrillReport> Start(const TopicName& topic) = 0;

  /// kNotFound "drill-unknown". Does no I/O.
  virtual Result<DrillReport> Get(std::string_view id) const = 0;
};
inline constexpr std::size_t kDrillReportsMax = 100;

}  // namespace bitacora::consumers
