// What is left of a request when the event store is taken away: our HTTP layer, and a write with a
// sync, a produce and read-back, or some reads behind it. No JSON, no ids, no streams, no verdicts:
// what a row of bench/RESULTS.md could be at most on the machine it is measured on.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <bitacora/api/http_server.h>
#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/thread.h>
#include <bitacora/base/uuid.h>

#include "support/kafka.h"
#include "support/serve.h"

namespace {

using bitacora::api::HttpRequest;
using bitacora::api::HttpResponse;
using bitacora::api::Responder;
using bitacora::bench::AssignEnds;
using bitacora::bench::FailKafka;
using bitacora::bench::MakeKafkaClient;

constexpr std::size_t kRecordBytes = 450;  ///< Of an event of 256 bytes in the log, and a little.

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

HttpResponse Done(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.fields.emplace_back("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual void Handle(HttpRequest request, Responder responder) = 0;
};

/// Writes the bodies of all requests that have come since the last sync, at once, and syncs them.
class SyncedFile : public Store {
 public:
  explicit SyncedFile(const std::string& path)
      : file_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    // With its space, so that a sync has no new length to note. It goes round in it.
    if (file_ < 0 || posix_fallocate(file_, 0, kFileBytes) != 0) Fail(path.c_str());
    writer_ = bitacora::StartThread("writer", [this](const std::stop_token&) { Write(); });
  }
  ~SyncedFile() override {
    queue_.Close();
    writer_.join();
    close(file_);
  }

  void Handle(HttpRequest request, Responder responder) override {
    if (!queue_.TryPush({std::move(request.body), std::move(responder)})) Fail("queue");
  }

 private:
  static constexpr off_t kFileBytes = off_t{1} << 30;
  struct Append {
    std::string body;
    Responder responder;
  };

  void Write() {
    std::vector<Append> some;
    std::string bytes;
    off_t at = 0;
    const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(1); };
    while (queue_.PopSome(100'000, soon(), &some)) {
      if (some.empty()) continue;
      bytes.clear();
      for (const Append& append : some) bytes += append.body;
      if (at + static_cast<off_t>(bytes.size()) > kFileBytes) at = 0;
      const ssize_t written = pwrite(file_, bytes.data(), bytes.size(), at);
      if (written != static_cast<ssize_t>(bytes.size()) || fdatasync(file_) != 0) Fail("write");
      at += written;
      for (Append& append : some) append.responder.Send(Done(201, "{}"));
      some.clear();
    }
  }

  const int file_;
  bitacora::BoundedQueue<Append> queue_{100'000};
  std::jthread writer_;
};

/// Produces the body of each request, as one record, or as many of the same size where it is an
/// array of events for streams of their own; answers when all have been read back, which is when a
/// verdict can be known at the earliest (docs/adr/0001). Settings are those of the event store.
class ReadBack : public Store {
 public:
  ReadBack(const std::string& brokers, const std::string& topic, std::size_t batch)
      : batch_(batch),
        producer_(MakeKafkaClient(RD_KAFKA_PRODUCER, brokers,
                                  {{"socket.nagle.disable", "true"},
                                   {"acks", "all"},
                                   {"enable.idempotence", "true"},
                                   {"linger.ms", "0"}})),
        consumer_(MakeKafkaClient(RD_KAFKA_CONSUMER, brokers,
                                  {{"socket.nagle.disable", "true"},
                                   {"group.id", "bench"},
                                   {"enable.auto.commit", "false"},
                                   {"check.crcs", "true"},
                                   {"fetch.wait.max.ms", "100"},
                                   {"queued.min.messages", "1000000"}})) {
    topic_ = rd_kafka_topic_new(producer_, topic.c_str(), nullptr);
    AssignEnds(consumer_, topic, CountPartitions());
    // Nobody asks for reports of delivery: what is read back was delivered.
    reader_ = bitacora::StartThread("reader", [this](const std::stop_token& stop) {
      while (!stop.stop_requested()) Read();
    });
    poller_ = bitacora::StartThread("poller", [this](const std::stop_token& stop) {
      while (!stop.stop_requested()) rd_kafka_poll(producer_, 100);
    });
  }
  ~ReadBack() override {
    for (std::jthread* thread : {&reader_, &poller_}) {
      thread->request_stop();
      thread->join();
    }
    rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer_, 1'000);
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(producer_);
    rd_kafka_consumer_close(consumer_);
    rd_kafka_destroy(consumer_);
  }

  void Handle(HttpRequest request, Responder responder) override {
    const std::uint64_t serial = ++serial_;
    {
      bitacora::MutexLock lock(mu_);
      appends_.emplace(serial, Append{batch_, std::move(responder)});
    }
    const std::size_t bytes = request.body.size() / batch_;
    for (std::size_t i = 0; i < batch_; ++i) {
      char* const record = request.body.data() + i * bytes;
      std::memcpy(record, &run_, sizeof run_);
      std::memcpy(record + sizeof run_, &serial, sizeof serial);
      const std::string key = "stream-" + std::to_string(key_++ % 1000);
      if (rd_kafka_produce(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, record, bytes,
                           key.data(), key.size(), nullptr) != 0) {
        FailKafka("produce");
      }
    }
  }

 private:
  struct Append {
    std::size_t left;
    Responder responder;
  };

  int CountPartitions() {
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(producer_, 0, topic_, &metadata, 10'000) != 0) FailKafka("metadata");
    const int partitions = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return partitions;
  }

  void Read() {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer_, 100);
    if (message == nullptr) return;
    std::uint64_t run = 0;
    std::uint64_t serial = 0;
    if (message->err == 0 && message->len >= sizeof run + sizeof serial) {
      const auto* const bytes = static_cast<const char*>(message->payload);
      std::memcpy(&run, bytes, sizeof run);
      std::memcpy(&serial, bytes + sizeof run, sizeof serial);
    }
    rd_kafka_message_destroy(message);
    if (run != run_) return;  // Of a program before.
    std::optional<Responder> answered;
    {
      bitacora::MutexLock lock(mu_);
      const auto append = appends_.find(serial);
      if (append == appends_.end() || --append->second.left > 0) return;
      answered = std::move(append->second.responder);
      appends_.erase(append);
    }
    answered->Send(Done(201, "{}"));
  }

  const std::size_t batch_;
  const std::uint64_t run_ = bitacora::SystemRandom().Next64();
  std::uint64_t serial_ = 0;
  std::uint64_t key_ = 0;
  rd_kafka_t* const producer_;
  rd_kafka_t* const consumer_;
  rd_kafka_topic_t* topic_ = nullptr;
  bitacora::Mutex mu_;
  std::unordered_map<std::uint64_t, Append> appends_ GUARDED_BY(mu_);
  std::jthread reader_;
  std::jthread poller_;
};

/// Answers `page` records that lie apart in a file of `records`, each read by itself, from as many
/// threads as the server reads with. The bytes are sent as they are.
class ScatteredReads : public Store {
 public:
  ScatteredReads(const std::string& path, std::size_t records, std::size_t page)
      : page_(page),
        pages_(records / page),
        file_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (file_ < 0) Fail(path.c_str());
    const std::string some(kRecordBytes * page_, 'x');
    for (std::size_t i = 0; i < pages_; ++i) {
      if (write(file_, some.data(), some.size()) != static_cast<ssize_t>(some.size())) {
        Fail(path.c_str());
      }
    }
    for (int i = 0; i < 2; ++i) {
      readers_.push_back(
          bitacora::StartThread("reader", [this](const std::stop_token&) { Read(); }));
    }
  }
  ~ScatteredReads() override {
    queue_.Close();
    readers_.clear();
    close(file_);
  }

  void Handle(HttpRequest, Responder responder) override {
    if (!queue_.TryPush(std::move(responder))) Fail("queue");
  }

 private:
  void Read() {
    while (auto responder = queue_.Pop()) {
      std::string body(page_ * kRecordBytes, '\0');
      const std::size_t stream = next_++ % pages_;
      for (std::size_t i = 0; i < page_; ++i) {
        const auto at = static_cast<off_t>((i * pages_ + stream) * kRecordBytes);
        if (pread(file_, body.data() + i * kRecordBytes, kRecordBytes, at) !=
            static_cast<ssize_t>(kRecordBytes)) {
          Fail("read");
        }
      }
      responder->Send(Done(200, std::move(body)));
    }
  }

  const std::size_t page_;
  const std::size_t pages_;
  const int file_;
  std::atomic<std::size_t> next_{0};
  bitacora::BoundedQueue<Responder> queue_{100'000};
  std::vector<std::jthread> readers_;
};

std::unique_ptr<Store> MakeStore(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[1] == "synced") return std::make_unique<SyncedFile>(words[2]);
  if (words.size() == 5 && words[1] == "read") {
    return std::make_unique<ScatteredReads>(words[2], std::stoul(words[3]), std::stoul(words[4]));
  }
  if (words.size() == 5 && words[1] == "read-back") {
    return std::make_unique<ReadBack>(words[2], words[3], std::stoul(words[4]));
  }
  std::fputs(
      "usage: bare_store PORT synced FILE\n"
      "       bare_store PORT read FILE RECORDS PAGE\n"
      "       bare_store PORT read-back BROKERS TOPIC RECORDS_OF_A_REQUEST\n",
      stderr);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const sigset_t ends = bitacora::bench::BlockEndSignals();
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto store = MakeStore(words);
  return bitacora::bench::ServeUntilEnded(ends, static_cast<std::uint16_t>(std::stoul(words[0])),
                                          [&store](HttpRequest request, Responder responder) {
                                            store->Handle(std::move(request), std::move(responder));
                                          });
}
