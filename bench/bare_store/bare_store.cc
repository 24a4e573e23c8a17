// What is left of a request when the event store is taken away: our HTTP layer, and a write with a
// sync, a produce or some reads behind it. No JSON, no ids, no streams, no verdicts: what a row of
// bench/RESULTS.md could be at most on the machine it is measured on.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <bitacora/api/http_server.h>
#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/thread.h>

#include "support/serve.h"

namespace {

using bitacora::api::HttpRequest;
using bitacora::api::HttpResponse;
using bitacora::api::Responder;

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
/// array of events for streams of their own; answers when all are acknowledged. They are not read
/// back.
class Produced : public Store {
 public:
  Produced(const std::string& brokers, const std::string& topic, std::size_t batch)
      : batch_(batch) {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const auto set = [&](const char* name, const char* value) {
      if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) Fail(text);
    };
    set("bootstrap.servers", brokers.c_str());
    set("acks", "all");
    set("enable.idempotence", "true");
    set("linger.ms", "0");
    set("socket.nagle.disable", "true");
    rd_kafka_conf_set_dr_msg_cb(conf, Delivered);
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (producer_ == nullptr) Fail(text);
    topic_ = rd_kafka_topic_new(producer_, topic.c_str(), nullptr);
    poller_ = bitacora::StartThread("delivered", [this](const std::stop_token& stop) {
      while (!stop.stop_requested()) rd_kafka_poll(producer_, 100);
    });
  }
  ~Produced() override {
    poller_.request_stop();
    poller_.join();
    rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer_, 1'000);
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(producer_);
  }

  void Handle(HttpRequest request, Responder responder) override {
    // Of the records of a request the one that is delivered last answers.
    auto* append = new Append{batch_, std::move(responder)};
    const std::size_t bytes = request.body.size() / batch_;
    for (std::size_t i = 0; i < batch_; ++i) {
      const std::string key = "stream-" + std::to_string(serial_++ % 1000);
      if (rd_kafka_produce(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                           request.body.data() + i * bytes, bytes, key.data(), key.size(),
                           append) != 0) {
        Fail("produce");
      }
    }
  }

 private:
  struct Append {
    std::size_t left;
    Responder responder;
  };

  static void Delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    const bool purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !purged) Fail(rd_kafka_err2str(message->err));
    auto* append = static_cast<Append*>(message->_private);
    if (--append->left > 0) return;
    const std::unique_ptr<Append> ended(append);
    if (!purged) ended->responder.Send(Done(201, "{}"));
  }

  const std::size_t batch_;
  std::uint64_t serial_ = 0;
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
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
  if (words.size() == 5 && words[1] == "produced") {
    return std::make_unique<Produced>(words[2], words[3], std::stoul(words[4]));
  }
  std::fputs(
      "usage: bare_store PORT synced FILE\n"
      "       bare_store PORT read FILE RECORDS PAGE\n"
      "       bare_store PORT produced BROKERS TOPIC RECORDS_OF_A_REQUEST\n",
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
