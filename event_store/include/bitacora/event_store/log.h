// The port to a log: topics of partitions, each a sequence of records with offsets. Two adapters:
// EmbeddedLog (one directory) and KafkaLog (librdkafka). tests/contract runs unchanged
// over both and says what every implementation must do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

namespace bitacora::event_store {

/// How many losses an acknowledged record survives, as topics report it.
enum class Durability {
  kOneCopy,     ///< "one-copy": one Kafka broker. Survives a kill of it, not a power cut.
  kOneDisk,     ///< "one-disk": the embedded log. Synced; survives kills and power cuts.
  kReplicated,  ///< "replicated": at least 3 copies of which 2 are in sync at each acknowledgement.
};
std::string_view DurabilityName(Durability durability);

struct TopicDescription {
  TopicName name;
  std::int32_t partitions = 0;
  Durability durability = Durability::kOneDisk;
  /// The largest record the topic takes, key, value and headers together.
  std::size_t record_bytes_max = 1'000'000;
  /// Changes when the topic is deleted and made again; empty where the log cannot tell.
  std::string incarnation;
  /// Settings that an owned topic must not have ("retention.ms=604800000"), in words; empty: none.
  std::vector<std::string> unsafe_settings;
};

/// What a reader meets next in one partition.
struct ReadEvent {
  enum class Kind {
    kRecord,
    kEnd,    ///< The end of the partition as of now; again after each further record met it.
    kError,  ///< The partition cannot be read on; it is unassigned. `error` says why.
  };
  Kind kind = Kind::kRecord;
  std::uint64_t tag = 0;  ///< As given to Assign.
  StoredRecord record;    ///< kRecord
  Offset end;             ///< kEnd: the first offset behind everything there is (read_committed).
  Error error{ErrorCode::kInternal, {}};  ///< kError
};

/// Reads any number of partitions, each from its own offset, in the order of its offsets. Made by
/// Log::NewReader; must not outlive its log.
///
/// Poll is for one thread; all other calls may come from any.
class LogReader {
 public:
  virtual ~LogReader() = default;

  /// Reads `at` from `from` (included; an offset in a hole means the next record) on, as often as
  /// it grows. Assigning it again moves it there; events of before are not returned any more once
  /// this has returned. `tag` comes back with each event.
  ///
  /// kUnavailable: retry. Later trouble comes as kError: kNotFound, no such partition any more;
  /// kCorruption "log-head-lost", `from` is below the earliest record; "log-moved-backwards",
  /// `from` is beyond the end; kCorruption, damaged bytes.
  virtual Status Assign(const TopicPartition& at, Offset from, std::uint64_t tag) = 0;
  virtual void Unassign(const TopicPartition& at) = 0;

  /// Appends at most `max` events to `out`; waits for the first until `deadline`, or until Wake.
  /// Being late is no error. kUnavailable: the log is away; keep polling.
  virtual Status Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) = 0;
  /// Makes the running, or else the next, Poll return.
  virtual void Wake() = 0;
};

/// Thread-safe.
class Log {
 public:
  virtual ~Log() = default;

  /// Identity of the whole log: the embedded log's UUID, or Kafka's cluster id. Stable.
  virtual std::string id() const = 0;

  /// All topics that clients may see ("__…" of Kafka's own excluded), by name. May block up to 10
  /// s.
  virtual Result<std::vector<TopicDescription>> Topics() = 0;
  /// kNotFound. May block up to 10 s.
  virtual Result<TopicDescription> Describe(const TopicName& topic) = 0;

  /// Makes an empty topic with the settings of an owned one. kAlreadyExists; where two
  /// nodes do it at once, one gets it. kInvalidArgument: partitions not in 1..64. Durable when it
  /// returns.
  virtual Status CreateTopic(const TopicName& topic, std::int32_t partitions) = 0;

  /// Called once, from a thread of the log's, soon; must not block. An offset: durable there, as
  /// the topic's durability says. kTimeout: **unknown**, it may be or come to be in the log. Any
  /// other error: it is not in the log and never will be.
  ///
  /// A log may answer success without being able to tell the offset (librdkafka's duplicate
  /// sequence): kOffsetUnknown. Do not use it as a place; read until the record comes.
  using AppendCallback = std::function<void(Result<Offset>)>;
  static constexpr Offset kOffsetUnknown{-1};

  /// Appends `record`; records one thread appends to one partition keep their order.
  ///
  /// kNotFound, kInvalidArgument (too large: "record-too-large"); kResourceExhausted: the queue is
  /// full, or "disk-full" below the watermark of free space; kUnavailable: not reachable.
  virtual void Append(const TopicPartition& at, Record record, AppendCallback callback) = 0;

  /// Kafka: connects lazily. kResourceExhausted: too many readers.
  virtual Result<std::unique_ptr<LogReader>> NewReader() = 0;

  struct FetchLimits {
    std::size_t records_max = 1000;
    std::size_t bytes_max = 4u << 20;  ///< At least one record is returned all the same.
  };
  struct Fetched {
    std::vector<StoredRecord> records;
    Offset next;          ///< Where to go on: behind the last record, and behind holes after it.
    bool at_end = false;  ///< There was nothing more at `next` when asked.
  };
  /// Records of one partition from `from` on, without waiting for new ones. Blocks; errors as for
  /// Assign, and kTimeout never: reading can always be repeated (kUnavailable).
  virtual Result<Fetched> Fetch(const TopicPartition& at, Offset from,
                                const FetchLimits& limits) = 0;

  /// The records at `offsets`, which rise: those, in that order. Blocks. Errors as for Fetch, and
  /// kCorruption "log-damaged" where there is no record at one of them.
  virtual Result<std::vector<StoredRecord>> FetchEach(const TopicPartition& at,
                                                      std::span<const Offset> offsets);

  /// The first offset that can be read; the one behind the last record. May block up to 10 s.
  virtual Result<Offset> Earliest(const TopicPartition& at) = 0;
  virtual Result<Offset> Latest(const TopicPartition& at) = 0;
  struct Bounds {
    Offset earliest;
    Offset latest;
  };
  /// Both of each of the first `partitions` partitions of a topic, asked for together.
  virtual Result<std::vector<Bounds>> BoundsOf(const TopicName& topic, std::int32_t partitions);
  /// The first record whose time is at or after `wall_ms`; Latest where there is none.
  virtual Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) = 0;

  /// Why no append can succeed now ("disk-full", broker away), or success. Does not block: for
  /// readiness and for refusing before any work is done.
  virtual Status Writable() const = 0;

  /// 0 until the log was reached. Grows each time it comes back after it was away: it may then be
  /// another than before. Does not block.
  virtual std::uint64_t Connections() const = 0;

  /// A copy of the log that another process may read while this one goes on, in the new directory
  /// `directory` (hard links where possible): the embedded log only. Kafka: success, and nothing is
  /// made, since every process can read Kafka.
  virtual Status Checkpoint(const std::string& directory) = 0;
};

}  // namespace bitacora::event_store
