#include "src/embedded/embedded_log.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "src/embedded/append_queue.h"
#include "src/embedded/catalog.h"
#include "src/embedded/free_space.h"
#include "src/embedded/reader.h"
#include "src/embedded/records.h"
#include "src/embedded/storage.h"
#include "src/embedded/tail.h"
#include "src/embedded/writer.h"
#include "src/record_codec.h"

namespace bitacora::event_store::embedded {
namespace {

/// An append of 1,000,000 bytes (append_bytes_max) and the headers it travels with.
constexpr std::size_t kRecordBytesMax = (1u << 20) + (64u << 10);
constexpr std::size_t kTailBytes = 16u << 20;
constexpr std::size_t kQueueBytes = 64u << 20;
constexpr std::int32_t kPartitionsMax = 64;
constexpr std::size_t kRowBytesMax = 64;  ///< What a RecordRow adds to its body.

Error ReadOnly() { return Error(ErrorCode::kPermissionDenied, "the log is open for reading only"); }

std::size_t BytesOf(const Record& record) {
  std::size_t bytes = record.value.size() + (record.key ? record.key->size() : 0);
  for (const RecordHeader& header : record.headers) {
    bytes += header.name.size() + header.value.size();
  }
  return bytes;
}

Status CheckSize(const Record& record) {
  if (const std::size_t bytes = BytesOf(record); bytes > kRecordBytesMax) {
    return Error(ErrorCode::kInvalidArgument,
                 "the record has " + std::to_string(bytes) + " bytes, at most " +
                     std::to_string(kRecordBytesMax) + " are allowed",
                 "record-too-large");
  }
  return {};
}

PendingAppend Encode(LogPartition* partition, const Record& record, Log::AppendCallback callback) {
  PendingAppend append;
  auto body = std::make_shared<const std::string>(EncodeBody(record));
  BITACORA_CHECK(DecodeBody(*body, &append.record), "an encoded body is not readable");
  append.partition = partition;
  append.body = *body;
  append.record.bytes = std::move(body);
  append.callback = std::move(callback);
  return append;
}

class EmbeddedLog final : public Log {
 public:
  EmbeddedLog(const Machine& machine, const EmbeddedLogOptions& options, Metrics& metrics)
      : clock_(*machine.clock),
        options_{options.directory,   options.read_only,     options.sync,
                 machine.file_system, options.segment_bytes, options.places_kept},
        metrics_(metrics),
        space_(options.directory, options.free_bytes_min, metrics),
        catalog_(kRecordBytesMax),
        tail_(kTailBytes),
        queue_(options.queue_records_max, kQueueBytes) {}

  Status Open() {
    if (!options_.read_only) BITACORA_RETURN_IF_ERROR(space_.CheckBeforeOpening());
    BITACORA_ASSIGN_OR_RETURN(std::unique_ptr<Storage> storage, Storage::Open(options_));
    const Contents& contents = storage->contents();
    id_ = contents.log_id;
    for (const TopicContents& topic : contents.topics) catalog_.Add(topic);
    testimony_found_ = storage->testimony();
    storage_.Set(std::move(storage));
    if (options_.read_only) return {};
    writer_.emplace(WriterParts{options_, storage_, catalog_, tail_, queue_, space_, health_,
                                clock_, metrics_});
    return {};
  }

  std::string id() const override { return id_; }

  Result<std::vector<TopicDescription>> Topics() override { return catalog_.DescribeAll(); }
  Result<TopicDescription> Describe(const TopicName& topic) override {
    return catalog_.Describe(topic);
  }
  Status CreateTopic(const TopicName& topic, std::int32_t partitions) override;

  void Append(const TopicPartition& at, Record record, AppendCallback callback) override;

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return std::unique_ptr<LogReader>(std::make_unique<EmbeddedReader>(catalog_, tail_, records_));
  }
  Result<Fetched> Fetch(const TopicPartition& at, Offset from, const FetchLimits& limits) override;
  Result<std::vector<StoredRecord>> FetchEach(const TopicPartition& at,
                                              std::span<const Offset> offsets) override;
  Result<Offset> Earliest(const TopicPartition& at) override {
    BITACORA_RETURN_IF_ERROR(catalog_.Find(at).status());
    return Offset(0);
  }
  Result<Offset> Latest(const TopicPartition& at) override {
    BITACORA_ASSIGN_OR_RETURN(const LogPartition* partition, catalog_.Find(at));
    return partition->tail.end();
  }
  Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) override {
    BITACORA_ASSIGN_OR_RETURN(const LogPartition* partition, catalog_.Find(at));
    return records_.FindTime(partition->tail, wall_ms);
  }

  Status Writable() const override {
    if (options_.read_only) return ReadOnly();
    BITACORA_RETURN_IF_ERROR(health_.status());
    return space_.status();
  }
  std::uint64_t Connections() const override { return 1; }  // It never is away.
  Status Checkpoint(const std::string& directory) override {
    const Testimony testimony = writer_ ? writer_->last_testimony() : testimony_found_;
    return storage_.With(
        [&](const Storage& storage) { return storage.CopyTo(directory, testimony); });
  }

 private:
  // Constant after Open.
  const Clock& clock_;
  const StorageOptions options_;
  std::string id_;
  Testimony testimony_found_;

  // Synchronised by themselves.
  Metrics& metrics_;
  FreeSpace space_;
  Health health_;
  Catalog catalog_;
  Tail tail_;
  AppendQueue queue_;
  StorageHandle storage_{nullptr};
  const Records records_{tail_, storage_};

  std::optional<Writer> writer_;  // Last, so that it ends first.
};

Status EmbeddedLog::CreateTopic(const TopicName& topic, std::int32_t partitions) {
  if (partitions < 1 || partitions > kPartitionsMax) {
    return Error(ErrorCode::kInvalidArgument,
                 "a topic has 1 to 64 partitions, not " + std::to_string(partitions));
  }
  BITACORA_RETURN_IF_ERROR(ParseTopicName(topic.str()).status());
  BITACORA_RETURN_IF_ERROR(Writable());
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Status> answer;
  // The writer answers every topic it takes, also when it ends: this frame outlives the callback.
  BITACORA_RETURN_IF_ERROR(queue_.Push(PendingTopic{topic, partitions, [&](Status made) {
                                                      const std::lock_guard lock(mutex);
                                                      answer = std::move(made);
                                                      came.notify_one();
                                                    }}));
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return answer.has_value(); });
  return *answer;
}

void EmbeddedLog::Append(const TopicPartition& at, Record record, AppendCallback callback) {
  if (const Status writable = Writable(); !writable.ok()) return callback(writable.error());
  const auto partition = catalog_.Find(at);
  if (!partition.ok()) return callback(partition.error());
  if (const Status sized = CheckSize(record); !sized.ok()) return callback(sized.error());
  PendingAppend append = Encode(*partition, record, std::move(callback));
  // Many small headers take more than their bytes.
  if (append.body.size() > kPayloadBytesMax - kRowBytesMax) {
    return append.callback(Error(
        ErrorCode::kInvalidArgument,
        "the record takes " + std::to_string(append.body.size()) + " bytes, too many for the log",
        "record-too-large"));
  }
  if (const Status queued = queue_.Push(std::move(append)); !queued.ok()) {
    append.callback(queued.error());
  }
}

Result<Log::Fetched> EmbeddedLog::Fetch(const TopicPartition& at, Offset from,
                                        const FetchLimits& limits) {
  BITACORA_ASSIGN_OR_RETURN(const LogPartition* partition, catalog_.Find(at));
  BITACORA_RETURN_IF_ERROR(Records::CheckStart(partition->tail, from));
  Fetched fetched;
  BITACORA_RETURN_IF_ERROR(records_.Read(partition->tail, from,
                                         {limits.records_max, limits.bytes_max}, &fetched.records));
  fetched.next = fetched.records.empty() ? from : fetched.records.back().offset.Next();
  fetched.at_end = fetched.next >= partition->tail.end();
  return fetched;
}

Result<std::vector<StoredRecord>> EmbeddedLog::FetchEach(const TopicPartition& at,
                                                         std::span<const Offset> offsets) {
  BITACORA_ASSIGN_OR_RETURN(const LogPartition* partition, catalog_.Find(at));
  std::vector<StoredRecord> records;
  BITACORA_RETURN_IF_ERROR(records_.ReadEach(partition->tail, offsets, &records));
  return records;
}

}  // namespace

Result<std::unique_ptr<Log>> OpenOn(const Machine& machine, const EmbeddedLogOptions& options,
                                    Metrics& metrics) {
  if (!options.read_only) BITACORA_RETURN_IF_ERROR(MakeDirectories(options.directory));
  auto log = std::make_unique<EmbeddedLog>(machine, options, metrics);
  BITACORA_RETURN_IF_ERROR(log->Open());
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace bitacora::event_store::embedded

namespace bitacora::event_store {

Result<std::unique_ptr<Log>> OpenEmbeddedLog(const EmbeddedLogOptions& options, Metrics& metrics) {
  return embedded::OpenOn({}, options, metrics);
}

}  // namespace bitacora::event_store
