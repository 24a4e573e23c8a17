#include "src/kafka/fetcher.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "src/kafka/config.h"
#include "src/kafka/errors.h"
#include "src/kafka/offset_check.h"
#include "src/kafka/stored_record.h"

namespace bitacora::event_store::kafka {
namespace {

constexpr int kConsumersMax = 4;
constexpr milliseconds kFetchLimit{10'000};
/// So long nothing may come before it is asked why; as long as a slow broker or a page takes.
constexpr milliseconds kSilenceMax{1000};
/// Handles of topics a consumer keeps, so that it need not ask for their leaders each time.
constexpr std::size_t kTopicsMax = 64;
/// Readings that a consumer leaves open: the partitions of two followers of a usual topic. Each
/// holds up to queued.max.messages.kbytes.
constexpr std::size_t kLeftOpenMax = 16;

int MillisecondsUntil(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - SystemClock().Now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left));
}

std::size_t SizeOf(const rd_kafka_message_t& message) { return message.len + message.key_len; }

/// One partition of one consumer, read from construction to destruction.
class Reading {
 public:
  Reading(rd_kafka_t* client, rd_kafka_topic_t* topic, Partition partition, Offset from)
      : client_(client),
        topic_(topic),
        partition_(partition.value),
        queue_(rd_kafka_queue_new(client)),
        started_(rd_kafka_consume_start_queue(topic, partition_, from.value, queue_.get()) == 0) {}
  ~Reading() {
    if (started_) rd_kafka_consume_stop(topic_, partition_);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  bool started() const { return started_; }

  /// The next record, end or error; nothing where `deadline` passes first.
  MessageHandle Next(Deadline deadline) {
    if (put_back_) return std::move(put_back_);
    return MessageHandle(rd_kafka_consume_queue(queue_.get(), MillisecondsUntil(deadline)));
  }

  /// Next gives it once more.
  void PutBack(MessageHandle message) { put_back_ = std::move(message); }

  /// Whether the last answer of the broker said that nothing is at `next` or behind.
  bool IsKnownEnd(Offset next) const {
    std::int64_t low = RD_KAFKA_OFFSET_INVALID;
    std::int64_t high = RD_KAFKA_OFFSET_INVALID;
    (void)rd_kafka_get_watermark_offsets(client_, rd_kafka_topic_name(topic_), partition_, &low,
                                         &high);
    return high == next.value;
  }

 private:
  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_;
  std::int32_t partition_;
  QueueHandle queue_;
  MessageHandle put_back_;
  bool started_;
};

/// What reading came to an end with: limits, the end of the partition, the deadline, or `refusal`.
struct Page {
  Log::Fetched fetched;
  rd_kafka_resp_err_t refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
  bool complete = false;  ///< Ended by limits or the partition's end.
};

Page ReadPage(Reading& reading, Offset from, const Log::FetchLimits& limits, Deadline deadline) {
  Page page;
  Log::Fetched& fetched = page.fetched;
  fetched.next = from;
  std::size_t bytes = 0;
  // The loop goes one message beyond the limits: only so can it tell where to go on behind holes,
  // and whether that is the end.
  while (true) {
    if (!fetched.records.empty() && reading.IsKnownEnd(fetched.next)) {
      fetched.at_end = page.complete = true;
      return page;
    }
    MessageHandle message = reading.Next(deadline);
    if (!message) return page;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      fetched.next = std::max(fetched.next, Offset(message->offset));
      fetched.at_end = page.complete = true;
      return page;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      page.refusal = message->err;
      return page;
    }
    if (message->offset < fetched.next.value) continue;
    const bool full =
        fetched.records.size() >= limits.records_max || bytes + SizeOf(*message) > limits.bytes_max;
    if (full && !fetched.records.empty()) {
      fetched.next = Offset(message->offset);
      page.complete = true;
      reading.PutBack(std::move(message));
      return page;
    }
    bytes += SizeOf(*message);
    fetched.records.push_back(CopyRecord(*message));
    fetched.next = Offset(message->offset).Next();
  }
}

}  // namespace

struct Fetcher::Consumer {
  explicit Consumer(ClientHandle made) : client(std::move(made)) {}

  rd_kafka_topic_t* Topic(const std::string& name) {
    const auto found = topics.find(name);
    if (found != topics.end()) return found->second.get();
    if (topics.size() >= kTopicsMax) {
      left_open.clear();
      topics.clear();
    }
    TopicHandle made(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
    if (!made) return nullptr;
    return topics.emplace(name, std::move(made)).first->second.get();
  }

  /// A partition that was read up to `next`, and would go on there.
  struct LeftOpen {
    TopicPartition at;
    Offset next;
    int turn = 0;
    std::unique_ptr<Reading> reading;
  };

  bool HasLeft(const TopicPartition& at, Offset next) const {
    return std::any_of(left_open.begin(), left_open.end(),
                       [&](const LeftOpen& left) { return left.at == at && left.next == next; });
  }

  /// Reading `at` from `from` on: as it was left, or begun now.
  std::unique_ptr<Reading> Read(rd_kafka_topic_t* topic, const TopicPartition& at, Offset from) {
    // A client reads a partition in one place: where it was left elsewhere, that has to end.
    std::unique_ptr<Reading> reading;
    const auto found = std::find_if(left_open.begin(), left_open.end(),
                                    [&](const LeftOpen& left) { return left.at == at; });
    if (found != left_open.end()) {
      if (found->next == from) reading = std::move(found->reading);
      left_open.erase(found);
    }
    if (!reading) reading = std::make_unique<Reading>(client.get(), topic, at.partition, from);
    return reading;
  }

  void Leave(LeftOpen left) {
    if (left_open.size() >= kLeftOpenMax) left_open.erase(left_open.begin());
    left_open.push_back(std::move(left));
  }

  ClientHandle client;
  std::unordered_map<std::string, TopicHandle> topics;
  std::vector<LeftOpen> left_open;  ///< Oldest first; gone before what they read with.
};

/// A consumer of the pool for as long as this lives.
class Fetcher::Lease {
 public:
  Lease(Fetcher& pool, std::unique_ptr<Consumer> consumer)
      : pool_(pool), consumer_(std::move(consumer)) {}
  ~Lease() { pool_.Release(std::move(consumer_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Consumer* operator->() const { return consumer_.get(); }

 private:
  Fetcher& pool_;
  std::unique_ptr<Consumer> consumer_;
};

Fetcher::Fetcher(const KafkaLogOptions& options, Metrics& metrics, Admin& admin)
    : options_(options),
      admin_(admin),
      records_(metrics.GetCounter("bitacora_kafka_records_fetched_total",
                                  "Records read from Kafka by pages.")) {}

Fetcher::~Fetcher() = default;

Result<std::unique_ptr<Fetcher::Consumer>> Fetcher::Acquire(const TopicPartition& at, Offset from,
                                                            Deadline deadline) {
  {
    MutexLock lock(mu_);
    while (idle_.empty() && made_ >= kConsumersMax) {
      if (!lock.WaitUntil(released_, deadline)) {
        return Error(ErrorCode::kUnavailable, "too many reads of Kafka at once", "overloaded");
      }
    }
    if (!idle_.empty()) {
      auto chosen = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const auto& idle) { return idle->HasLeft(at, from); });
      if (chosen == idle_.end()) --chosen;
      auto consumer = std::move(*chosen);
      idle_.erase(chosen);
      return consumer;
    }
    ++made_;
  }
  auto client = [&]() -> Result<ClientHandle> {
    BITACORA_ASSIGN_OR_RETURN(ConfHandle conf, MakeConf(options_, Role::kFetcher));
    return MakeClient(std::move(conf), Role::kFetcher);
  }();
  if (client.ok()) return std::make_unique<Consumer>(std::move(*client));
  MutexLock lock(mu_);
  --made_;
  return client.error();
}

void Fetcher::Release(std::unique_ptr<Consumer> consumer) {
  {
    MutexLock lock(mu_);
    idle_.push_back(std::move(consumer));
  }
  released_.notify_one();
}

void Fetcher::DropUnused() {
  const int before = turn_++;
  std::vector<std::unique_ptr<Consumer>> idle;
  {
    MutexLock lock(mu_);
    idle.swap(idle_);
  }
  for (auto& consumer : idle) {
    std::erase_if(consumer->left_open,
                  [&](const Consumer::LeftOpen& left) { return left.turn < before; });
    Release(std::move(consumer));
  }
}

Result<Log::Fetched> Fetcher::Fetch(const TopicPartition& at, Offset from,
                                    const Log::FetchLimits& limits) {
  const Deadline deadline = SystemClock().Now() + kFetchLimit;
  const std::string doing = "reading " + at.topic.str() + "/" + std::to_string(at.partition.value) +
                            " from offset " + std::to_string(from.value);
  if (at.partition.value < 0) return FromKafka(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, doing);
  BITACORA_ASSIGN_OR_RETURN(auto acquired, Acquire(at, from, deadline));
  const Lease consumer(*this, std::move(acquired));
  rd_kafka_topic_t* topic = consumer->Topic(at.topic.str());
  if (topic == nullptr) return FromKafka(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, doing);

  for (int strikes = 1;; ++strikes) {
    Page page;
    if (from.value >= 0) {
      const bool was_left_open = consumer->HasLeft(at, from);
      auto reading = consumer->Read(topic, at, from);
      if (!reading->started()) return FromKafka(rd_kafka_last_error(), doing);
      page =
          ReadPage(*reading, from, limits, std::min(deadline, SystemClock().Now() + kSilenceMax));
      if (page.fetched.at_end && was_left_open) {
        // It may have been the end some seconds ago.
        BITACORA_ASSIGN_OR_RETURN(const Offset latest, admin_.Latest(at));
        page.fetched.at_end = latest <= page.fetched.next;
        if (!page.fetched.at_end && page.fetched.records.empty()) continue;
      }
      // Who asks for one record looks at that one.
      if (page.complete && !page.fetched.at_end && limits.records_max > 1) {
        consumer->Leave({at, page.fetched.next, turn_, std::move(reading)});
      }
    }
    records_.Add(static_cast<double>(page.fetched.records.size()));
    if (page.complete || !page.fetched.records.empty()) return std::move(page.fetched);

    // Of a partition that does not exist librdkafka says nothing once it knows the topic.
    const bool silent = page.refusal == RD_KAFKA_RESP_ERR_NO_ERROR;
    const bool offset_or_topic = silent || IsUnknownTopic(page.refusal) ||
                                 page.refusal == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
    if (offset_or_topic) {
      if (auto error = WhyRefused(admin_, at, from, strikes)) return *std::move(error);
    } else {
      const Error error = FromKafka(page.refusal, doing);
      // Bytes may have been damaged on the way: read them once more.
      const bool damaged = error.code() == ErrorCode::kCorruption && strikes == 1;
      if (!error.retryable() && !damaged) return error;
    }
    if (SystemClock().Now() + kRefusedAgainAfter >= deadline) {
      return Error(ErrorCode::kUnavailable, doing + ": Kafka does not give it", "log-unavailable");
    }
    if (!silent) std::this_thread::sleep_for(kRefusedAgainAfter);
  }
}

}  // namespace bitacora::event_store::kafka
