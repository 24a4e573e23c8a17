// The event store: appends with a verdict, streams, topics and waiting, on top of a Log.
//
// Every owned partition is folded by one thread through admit; what that makes of it (heads, append
// ids, places of events) is kept in a RocksDB under `state_directory`, which can be deleted at any
// time the process is down: it comes back by folding again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/base/uuid.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/event.h>
#include <bitacora/domain/position.h>
#include <bitacora/domain/record.h>
#include <bitacora/event_store/applied_waits.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

enum class TopicKind {
  kOwned,    ///< Made by Bitacora: begins with a genesis record, has streams and versions.
  kAdopted,  ///< Any other: readable, without versions.
};

struct Topic {
  TopicName name;
  TopicKind kind = TopicKind::kAdopted;
  std::int32_t partitions = 0;
  /// Owned: the id in the genesis of partition 0. Adopted: made from the log's id and the name.
  std::string log_id;
  Durability durability = Durability::kOneDisk;
  std::size_t record_bytes_max = 0;
  /// Owned: admitted so far on this node. Adopted: latest minus earliest offsets.
  std::int64_t events = 0;
  /// What the log held when this node met the topic is not all folded: `events` may be fewer.
  bool catching_up = false;
  /// Why it is read-only ("log-head-lost", "log-moved-backwards", "needs-newer-bitacora",
  /// "unsafe-settings", "state-unavailable", "state-damaged"), or empty.
  std::string problem;
};

/// How far one hosted partition has been folded (owned) or watched (adopted).
struct PartitionProgress {
  TopicPartition at;
  Offset earliest;
  Offset applied;          ///< Next offset to fold.
  Offset end;              ///< End of the log as last met; applied < end while catching up.
  bool caught_up = false;  ///< Has met the end once since start.
  std::string problem;
};

/// Appends `events` to one stream as one record. Everything is checked by the caller but what
/// depends on the topic.
struct AppendCommand {
  TopicName topic;
  StreamName stream;
  AppendId id;
  bool id_from_client = false;
  Expected expected;
  Fingerprint fingerprint{};
  std::vector<Event> events;  ///< Complete; 1 to kAppendEventsMax.
  std::string traceparent;    ///< Empty: none.
};

/// A verdict as a client is told it; the same for every repetition of the append.
struct AppendOutcome {
  bool admitted = false;  ///< Else a conflict.
  bool replayed = false;  ///< The verdict is of an earlier record with this id.
  AppendId id;
  Version first_version;        ///< Admitted only.
  std::uint32_t count = 0;      ///< Admitted only.
  std::optional<Version> head;  ///< See Remembered::head.
  Partition partition;
  Offset offset;
  Position position;  ///< Right behind the record: a reader that is there has seen it.
};

/// One record of a topic as readers get it: an admitted append, or a record of an adopted topic.
struct TopicRecord {
  Partition partition;
  StoredRecord record;
  std::optional<Version> first_version;  ///< Owned only.
  std::uint32_t count = 1;               ///< Events in it.
};

struct StreamQuery {
  TopicName topic;
  StreamName stream;
  enum class Direction { kForwards, kBackwards };
  Direction direction = Direction::kForwards;
  std::optional<Version> from;       ///< Included. Nothing: 0, or backwards the head.
  int limit = 100;                   ///< Events.
  std::size_t bytes_max = 4u << 20;  ///< Of record bytes; at least one event comes all the same.
};

struct StreamPage {
  std::vector<RecordedEvent> events;  ///< In the order asked for.
  Version head;
  std::optional<Version> next;  ///< Where to go on; nothing: this was the last page.
};

struct PartitionPage {
  std::vector<TopicRecord> records;
  Offset next;          ///< Go on here; has moved on over void records too.
  bool at_end = false;  ///< Nothing more is applied (owned) or in the log (adopted) at `next`.
};

struct EventStoreOptions {
  std::string state_directory;
  /// Kafka: admitted records are copied into the state, so that one stream can be read without a
  /// scan. Embedded: the log itself answers by offset.
  bool copy_records = false;
  std::size_t fold_threads = 1;
  /// The largest append: the bytes of its record.
  std::size_t append_bytes_max = 1'000'000;
  /// A fold further behind than this refuses appends before producing, whose
  /// verdicts would come too late.
  std::chrono::milliseconds fold_lag_max{1000};
  std::int64_t fold_lag_records_max = 10'000;
  /// How often topics that others made are looked for. Asking for a topic by name looks at once.
  std::chrono::milliseconds refresh_interval{30'000};
  /// How often the log is asked whether it still begins with the genesis and holds the last record
  /// that were folded. So it is, too, whenever it comes back after it was away.
  std::chrono::milliseconds check_interval{3'600'000};
  /// How long a partition may end before what was folded of it (a broker that comes up may be
  /// behind for a moment) until it is taken for a log that moved backwards.
  std::chrono::milliseconds end_behind_max{60'000};
};

/// Thread-safe. Callbacks come from its own threads and must not block. Calls marked *blocks* do
/// I/O and belong on a thread that may wait.
class EventStore {
 public:
  /// Opens the state and starts folding. `log`, `clock`, `random` and `metrics` must outlive it.
  /// kCorruption: the state is damaged; deleting the directory is safe. kConflict
  /// "another-log": the state belongs to another log.
  static Result<std::unique_ptr<EventStore>> Open(const EventStoreOptions& options, Log& log,
                                                  const Clock& clock, Random& random,
                                                  Metrics& metrics);
  virtual ~EventStore() = default;

  // ---- Topics

  /// All, by name, without "__…" and "bitacora.…". kUnavailable "not-caught-up": the log has not
  /// been asked yet which there are.
  virtual Result<std::vector<Topic>> Topics() const = 0;
  /// Whether the topic is hosted here already. Where it is not, GetTopic looks for it in the log.
  virtual bool Knows(const TopicName& name) const = 0;
  /// *Blocks.* kNotFound "topic-unknown"; kConflict "too-many-partitions": more than a position can
  /// name; kUnavailable.
  virtual Result<Topic> GetTopic(const TopicName& name) = 0;

  enum class Made { kNew, kExisting };
  /// Makes an owned topic and waits until its genesis is folded. *Blocks.* kExisting where it is
  /// there with as many partitions. kAlreadyExists "topic-exists": with another number, or adopted.
  virtual Result<Made> CreateTopic(const TopicName& name, std::int32_t partitions) = 0;
  /// Makes an existing topic without records an owned one. *Blocks.* kAlreadyExists
  /// "topic-not-empty".
  virtual Result<Made> OwnTopic(const TopicName& name) = 0;

  // ---- Appending

  using AppendCallback = std::function<void(Result<AppendOutcome>)>;
  /// Never fails an append that was produced: at `deadline` it is kTimeout "append-undecided".
  /// kNotFound "topic-unknown"; kConflict "topic-not-owned"; kAlreadyExists
  /// "idempotency-key-reused"; kResourceExhausted "append-too-large", "disk-full", "overloaded";
  /// kUnavailable "not-caught-up", "log-unavailable" and the topic's problem: nothing was written.
  virtual void Append(AppendCommand command, Deadline deadline, AppendCallback callback) = 0;

  /// The verdict an append got. kNotFound "append-unknown" once the fold has passed the end the log
  /// had when asked; kTimeout "append-undecided" where that did not happen until `deadline`.
  /// *Blocks* shortly; the answer comes by callback.
  virtual void FindAppend(const TopicName& topic, const StreamName& stream, const AppendId& id,
                          Deadline deadline, AppendCallback callback) = 0;

  // ---- Reading

  /// *Blocks.* kNotFound "topic-unknown", "stream-unknown"; kConflict "topic-not-owned".
  virtual Result<StreamPage> ReadStream(const StreamQuery& query) = 0;

  /// Records of one partition, admitted ones (owned) or all (adopted), from `from` on, as far as
  /// applied. *Blocks.* kNotFound; kCorruption "log-head-lost" where `from` is below the earliest.
  virtual Result<PartitionPage> ReadPartition(const TopicPartition& at, Offset from,
                                              const Log::FetchLimits& limits) = 0;
  /// Where each partition starts, ends, or was at `wall_ms`. *Blocks.* Of an owned topic the start
  /// is what it was when this node began to host it, and the end is what is applied: a reader there
  /// waits for what comes next.
  virtual Result<Position> EarliestPosition(const TopicName& topic) = 0;
  virtual Result<Position> LatestPosition(const TopicName& topic) = 0;
  virtual Result<Position> PositionForTime(const TopicName& topic, std::int64_t wall_ms) = 0;

  // ---- Waiting

  /// The next offset to fold of each partition of an owned topic. Adopted: empty until watched.
  virtual Position Applied(const TopicName& topic) const = 0;

  /// Up to where this node has to fold before it may tell what an owned topic holds: what the log
  /// had when the node began to host it. Empty once that is folded, and from then on; partitions
  /// with a problem are left out, for they do not come back by waiting. Nothing: the topic is not
  /// hosted (GetTopic may change that). Does no I/O.
  virtual std::optional<Position> CatchingUpTo(const TopicName& topic) const = 0;

  /// `true` where the wait was fulfilled, `false` at the deadline (or when the store closes).
  using WaitCallback = std::function<void(bool)>;
  /// Waits for the fold; see WaitFor. May call back at once, on this thread. An adopted topic is
  /// watched from the first wait on.
  virtual void WhenApplied(const TopicName& topic, const Position& position, WaitFor wait,
                           Deadline deadline, WaitCallback callback) = 0;

  /// For shutting down: whoever waits for the fold is called back now with `false`, and so is
  /// whoever would have to wait later. Appends go on to get their verdicts.
  virtual void EndWaits() = 0;

  /// Calls `listener` after each batch applied to `topic`, on a fold thread: it must only notify.
  /// It stays registered as long as the store.
  virtual void OnApplied(std::function<void(const TopicPartition&)> listener) = 0;

  /// Success once the log's topics are known and each hosted partition has met its end once (those
  /// with a problem aside).
  virtual Status Ready() const = 0;
  /// Every partition hosted, for readiness and lag.
  virtual std::vector<PartitionProgress> Progress() const = 0;
  /// Whether this node answers for the partition: always, in this release.
  virtual bool Hosts(const TopicPartition& at) const = 0;
};

}  // namespace bitacora::event_store
