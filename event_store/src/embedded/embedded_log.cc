#include <bitacora/event_store/embedded_log.h>

#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/log.h>
#include <bitacora/base/thread.h>

#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <utility>

#include "src/embedded/checkpoint_file.h"
#include "src/embedded/log_db.h"
#include "src/embedded/reader.h"
#include "src/embedded/tail.h"
#include "src/record_codec.h"
#include "src/rocks_status.h"

namespace bitacora::event_store {
namespace {

constexpr std::size_t kRecordBytesMax = (1u << 20) + (64u << 10);
constexpr std::size_t kGroupRecordsMax = 8192;
constexpr std::size_t kQueueBytesMax = 256u << 20;
constexpr std::size_t kTailBytesMax = 32u << 20;
constexpr std::uint64_t kOpenBytesMin = 64u << 20;
constexpr std::chrono::milliseconds kSpaceCheckEvery{200};

Error NoPartition() { return {ErrorCode::kNotFound, "there is no such topic or partition"}; }

Error DiskFull() {
  return {ErrorCode::kResourceExhausted,
          "the disk is nearly full; nothing is written until there is space again", "disk-full"};
}

std::size_t SizeOf(const Record& record) {
  std::size_t size = record.value.size() + (record.key ? record.key->size() : 0);
  for (const RecordHeader& header : record.headers) size += header.name.size() + header.value.size();
  return size;
}

struct Space {
  std::uint64_t free = 0;
  std::uint64_t total = 0;
};

Space SpaceOf(const std::string& directory) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) return {};
  return {std::uint64_t{info.f_bavail} * info.f_frsize, std::uint64_t{info.f_blocks} * info.f_frsize};
}

/// Whether there is room to write, asked of the file system a few times a second.
class SpaceWatch {
 public:
  SpaceWatch(std::string directory, std::uint64_t free_min) : directory_(std::move(directory)) {
    const std::uint64_t share = SpaceOf(directory_).total / 20;
    free_min_ = free_min != 0 ? free_min
                              : std::max<std::uint64_t>(256u << 20,
                                                        std::min<std::uint64_t>(share, 4ULL << 30));
  }

  bool Full() const {
    const auto now = SystemClock().Now().time_since_epoch().count();
    std::int64_t checked = checked_;
    const auto every = std::chrono::duration_cast<Deadline::duration>(kSpaceCheckEvery).count();
    if (now - checked > every && checked_.compare_exchange_strong(checked, now)) Check();
    return full_;
  }
  void Check() const {
    const bool full = SpaceOf(directory_).free < free_min_;
    if (full_.exchange(full) == full) return;
    if (full) {
      LogError("the disk is nearly full; appends are refused", {{"directory", directory_}});
    } else {
      LogInfo("there is space again; appends go on", {{"directory", directory_}});
    }
  }

 private:
  const std::string directory_;
  std::uint64_t free_min_;
  mutable std::atomic<std::int64_t> checked_{0};
  mutable std::atomic<bool> full_{false};
};

class EmbeddedLog final : public Log {
 public:
  EmbeddedLog(const EmbeddedLogOptions& options, std::unique_ptr<LogDb> db,
              std::optional<CheckpointFile> checkpoint, Metrics& metrics)
      : options_(options),
        db_(std::move(db)),
        checkpoint_(std::move(checkpoint)),
        tail_(kTailBytesMax),
        space_(options.directory, options.free_bytes_min),
        queue_(options.queue_records_max),
        records_(metrics.GetCounter("bitacora_log_records_total", "Records written to the log.")),
        groups_(metrics.GetCounter("bitacora_log_writes_total",
                                   "Synced writes, each of a group of records.")),
        write_seconds_(metrics.GetHistogram("bitacora_log_write_seconds",
                                            "Duration of a synced write.", LatencyBounds())) {}

  ~EmbeddedLog() override { queue_.Close(); }

  Status Start() {
    BITACORA_ASSIGN_OR_RETURN(const auto topics, db_->LoadTopics());
    for (const auto& [name, topic] : topics) BITACORA_RETURN_IF_ERROR(AddPartitions(name, topic));
    if (!options_.read_only) {
      writer_ = StartThread("log-writer", [this](const std::stop_token&) { RunWriter(); });
    }
    return {};
  }

  std::string id() const override { return db_->log_id(); }

  Result<std::vector<TopicDescription>> Topics() override {
    MutexLock lock(topics_mu_);
    std::vector<TopicDescription> all;
    for (const auto& [name, topic] : topics_) all.push_back(Description(name, topic));
    return all;
  }

  Result<TopicDescription> Describe(const TopicName& name) override {
    MutexLock lock(topics_mu_);
    const auto found = topics_.find(name);
    if (found == topics_.end()) return NoPartition();
    return Description(name, found->second);
  }

  Status CreateTopic(const TopicName& name, std::int32_t partitions) override {
    if (partitions < 1 || partitions > 64) {
      return Error(ErrorCode::kInvalidArgument, "a topic has 1 to 64 partitions");
    }
    BITACORA_RETURN_IF_ERROR(Writable());
    MutexLock lock(topics_mu_);
    if (topics_.contains(name)) return Error(ErrorCode::kAlreadyExists, "the topic exists");
    BITACORA_ASSIGN_OR_RETURN(const EmbeddedTopic topic, db_->AddTopic(name, partitions));
    return AddPartitionsLocked(name, topic);
  }

  void Append(const TopicPartition& at, Record record, AppendCallback callback) override {
    const Status refused = TryAppend(at, record, callback);
    if (!refused.ok()) callback(refused.error());
  }

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return std::unique_ptr<LogReader>(std::make_unique<EmbeddedReader>(*db_, tail_));
  }

  Result<Fetched> Fetch(const TopicPartition& at, Offset from, const FetchLimits& limits) override {
    const TailPartition* partition = tail_.Find(at);
    if (partition == nullptr) return NoPartition();
    const Offset end = tail_.End(*partition);
    if (from > end) {
      return Error(ErrorCode::kCorruption, "the offset is beyond the log's end",
                   "log-moved-backwards");
    }
    Fetched fetched;
    fetched.next = from;
    if (from < end && !tail_.Read(*partition, from, limits.records_max, limits.bytes_max,
                                  &fetched.records)) {
      if (limits.records_max == 1) {
        BITACORA_ASSIGN_OR_RETURN(StoredRecord record,
                                  db_->Get(partition->topic, at.partition, from));
        fetched.records.push_back(std::move(record));
      } else {
        BITACORA_RETURN_IF_ERROR(db_->Scan(partition->topic, at.partition, from,
                                           limits.records_max, limits.bytes_max,
                                           &fetched.records));
      }
    }
    while (!fetched.records.empty() && fetched.records.back().offset >= end) {
      fetched.records.pop_back();
    }
    if (!fetched.records.empty()) fetched.next = fetched.records.back().offset.Next();
    fetched.at_end = fetched.next >= end;
    return fetched;
  }

  Result<Offset> Earliest(const TopicPartition& at) override {
    if (tail_.Find(at) == nullptr) return NoPartition();
    return Offset(0);
  }

  Result<Offset> Latest(const TopicPartition& at) override {
    const TailPartition* partition = tail_.Find(at);
    if (partition == nullptr) return NoPartition();
    return tail_.End(*partition);
  }

  Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) override {
    const TailPartition* partition = tail_.Find(at);
    if (partition == nullptr) return NoPartition();
    // Times never go back within a partition.
    Offset first(0);
    Offset end = tail_.End(*partition);
    while (first < end) {
      const Offset middle(first.value + (end.value - first.value) / 2);
      BITACORA_ASSIGN_OR_RETURN(const StoredRecord record,
                                db_->Get(partition->topic, at.partition, middle));
      if (record.timestamp_ms < wall_ms) {
        first = middle.Next();
      } else {
        end = middle;
      }
    }
    return first;
  }

  Status Writable() const override {
    if (options_.read_only) return Error(ErrorCode::kUnavailable, "the log is open for reading only");
    if (failed_) {
      return Error(ErrorCode::kUnavailable,
                   "the disk failed; the log takes nothing until the server is started again",
                   "log-unavailable");
    }
    if (space_.Full()) return DiskFull();
    return {};
  }

  Status Checkpoint(const std::string& directory) override { return db_->Checkpoint(directory); }

 private:
  struct Pending {
    TailPartition* partition = nullptr;
    Record record;
    std::size_t bytes = 0;
    AppendCallback callback;
  };

  static TopicDescription Description(const TopicName& name, const EmbeddedTopic& topic) {
    TopicDescription description;
    description.name = name;
    description.partitions = topic.partitions;
    description.durability = Durability::kOneDisk;
    description.record_bytes_max = kRecordBytesMax;
    description.incarnation = std::to_string(topic.number);
    return description;
  }

  Status AddPartitions(const TopicName& name, const EmbeddedTopic& topic) {
    MutexLock lock(topics_mu_);
    return AddPartitionsLocked(name, topic);
  }

  Status AddPartitionsLocked(const TopicName& name, const EmbeddedTopic& topic)
      REQUIRES(topics_mu_) {
    for (std::int32_t number = 0; number < topic.partitions; ++number) {
      TailPartition partition;
      partition.topic = topic.number;
      partition.at = {name, Partition(number)};
      BITACORA_ASSIGN_OR_RETURN(const auto last, db_->LastRecord(topic.number, Partition(number)));
      if (last) {
        partition.end = last->offset.Next();
        partition.last_time_ms = last->timestamp_ms;
      }
      tail_.Add(std::move(partition));
    }
    topics_[name] = topic;
    return {};
  }

  Status TryAppend(const TopicPartition& at, Record& record, AppendCallback& callback) {
    BITACORA_RETURN_IF_ERROR(Writable());
    TailPartition* partition = tail_.Find(at);
    if (partition == nullptr) return NoPartition();
    const std::size_t bytes = SizeOf(record);
    if (bytes > kRecordBytesMax) {
      return Error(ErrorCode::kInvalidArgument, "the record is too large", "record-too-large");
    }
    const Error full(ErrorCode::kResourceExhausted, "too many appends are waiting for the disk",
                     "overloaded");
    if (queued_bytes_ + bytes > kQueueBytesMax) return full;
    queued_bytes_ += bytes;
    Pending pending{partition, std::move(record), bytes, std::move(callback)};
    if (!queue_.TryPush(std::move(pending))) {
      queued_bytes_ -= bytes;
      callback = std::move(pending.callback);
      return full;
    }
    return {};
  }

  /// Writes whatever waits as one group, again and again: while one group is being synced the next
  /// one gathers.
  void RunWriter() {
    std::vector<Pending> group;
    while (queue_.PopSome(kGroupRecordsMax, SystemClock().Now() + std::chrono::seconds(1), &group)) {
      if (!group.empty()) WriteGroup(group);
      group.clear();
    }
  }

  void WriteGroup(std::vector<Pending>& group) {
    space_.Check();
    std::vector<Tail::Written> written;
    written.reserve(group.size());
    const Status status = failed_ ? Writable() : TryWrite(group, &written);
    std::vector<Offset> offsets;
    offsets.reserve(written.size());
    for (const Tail::Written& one : written) offsets.push_back(one.record.offset);
    if (status.ok()) tail_.Publish(std::move(written));
    for (std::size_t i = 0; i < group.size(); ++i) {
      queued_bytes_ -= group[i].bytes;
      group[i].callback(status.ok() ? Result<Offset>(offsets[i]) : status.error());
    }
  }

  Status TryWrite(std::vector<Pending>& group, std::vector<Tail::Written>* written) {
    const Deadline start = SystemClock().Now();
    const std::int64_t now_ms = SystemClock().WallMs();
    rocksdb::WriteBatch batch;
    // Where each partition of the group stands, group included.
    std::map<TailPartition*, std::pair<Offset, std::int64_t>> ends;
    for (Pending& pending : group) {
      auto [at, is_new] = ends.try_emplace(pending.partition);
      auto& [end, time] = at->second;
      if (is_new) {
        end = tail_.End(*pending.partition);
        time = std::max(now_ms, tail_.LastTime(*pending.partition));
      }
      std::string bytes = EncodeRecord(time, pending.record);
      db_->PutRecord(&batch,
                     LogDb::KeyOf(pending.partition->topic, pending.partition->at.partition, end),
                     bytes);
      const std::size_t size = bytes.size();
      auto record = DecodeRecord(end, std::move(bytes));
      BITACORA_CHECK(record.has_value(), "what was just encoded cannot be decoded");
      written->push_back({pending.partition, std::move(*record), size});
      end = end.Next();
    }
    const rocksdb::Status status = db_->Write(&batch, options_.sync);
    if (!status.ok()) {
      // Crash-only: nothing more is written by a log whose disk has lied once. The next start reads
      // what is really there.
      failed_ = true;
      return OutcomeOfWrite(status);
    }
    if (checkpoint_) checkpoint_->Write(db_->sequence());
    records_.Add(static_cast<double>(group.size()));
    groups_.Add();
    write_seconds_.Observe(std::chrono::duration<double>(SystemClock().Now() - start).count());
    return {};
  }

  const EmbeddedLogOptions options_;
  const std::unique_ptr<LogDb> db_;
  std::optional<CheckpointFile> checkpoint_;  ///< The writer's.
  Tail tail_;
  SpaceWatch space_;
  BoundedQueue<Pending> queue_;
  std::atomic<std::size_t> queued_bytes_{0};
  std::atomic<bool> failed_{false};
  Counter& records_;
  Counter& groups_;
  Histogram& write_seconds_;

  Mutex topics_mu_;
  std::map<TopicName, EmbeddedTopic> topics_ GUARDED_BY(topics_mu_);

  std::jthread writer_;  // Last: it uses all of the above.
};

/// Opens the checkpoint and compares: a log shorter than it says has lost acknowledged records.
Result<CheckpointFile> OpenCheckpoint(const EmbeddedLogOptions& options, const LogDb& db) {
  const std::string path = options.directory + "/LENGTH";
  BITACORA_ASSIGN_OR_RETURN(CheckpointFile checkpoint, CheckpointFile::Open(path));
  if (db.sequence() < checkpoint.sequence()) {
    return Error(ErrorCode::kCorruption,
                 "the log in " + options.directory + " is shorter than it was: it ends at write " +
                     std::to_string(db.sequence()) + ", and " + path + " knows of " +
                     std::to_string(checkpoint.sequence()),
                 "log-damaged");
  }
  return checkpoint;
}

}  // namespace

Result<std::unique_ptr<Log>> OpenEmbeddedLog(const EmbeddedLogOptions& options, Metrics& metrics) {
  if (!options.read_only) {
    std::error_code failed;
    std::filesystem::create_directories(options.directory, failed);
    if (failed) {
      return Error(ErrorCode::kPermissionDenied,
                   "cannot make " + options.directory + ": " + failed.message());
    }
    // Debian's RocksDB aborts the process when a write meets a full disk (RELIABILITY.md, fact 5).
    if (SpaceOf(options.directory).free < kOpenBytesMin) {
      return Error(ErrorCode::kResourceExhausted,
                   "less than 64 MiB are free in " + options.directory + "; free some space first",
                   "disk-too-full");
    }
  }
  BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<LogDb> db, LogDb::Open(options));
  std::optional<CheckpointFile> checkpoint;
  if (!options.read_only) {
    BITACORA_ASSIGN_OR_RETURN(CheckpointFile opened, OpenCheckpoint(options, *db));
    checkpoint.emplace(std::move(opened));
  }
  auto log = std::make_unique<EmbeddedLog>(options, std::move(db), std::move(checkpoint), metrics);
  BITACORA_RETURN_IF_ERROR(log->Start());
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace bitacora::event_store
