// An event store on a log in memory, and short words for what tests do with it.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/event_store/event_store.h>

#include "support/memory_log.h"
#include "support/temporary_directory.h"

namespace bitacora::tests {

class EventStoreTest : public testing::Test {
 protected:
  using AppendResult = Result<event_store::AppendOutcome>;

  EventStoreTest() { Open(); }
  ~EventStoreTest() override { store_.reset(); }

  void Open() {
    event_store::EventStoreOptions options;
    options.state_directory = directory_.path() + "/state";
    options.copy_records = copy_records_;
    options.refresh_interval = refresh_interval_;
    options.check_interval = check_interval_;
    options.end_behind_max = end_behind_max_;
    auto opened =
        event_store::EventStore::Open(options, log_, SystemClock(), SystemRandom(), metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(*opened);
  }

  /// What a kill and a start do; `between` runs while nothing is open.
  void Restart(const std::function<void()>& between = {}) {
    store_.reset();
    if (between) between();
    Open();
  }

  void MakeTopic(std::int32_t partitions = 1) {
    const auto made = store_->CreateTopic(topic_, partitions);
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }

  struct Asked {
    std::string id = {};  ///< Empty: the server makes one.
    Expected expected = {};
    int events = 1;
    std::string data = R"({"n":1})";
    milliseconds wait{5000};
  };

  std::future<AppendResult> StartAppend(const std::string& stream, const Asked& asked) {
    event_store::AppendCommand command;
    command.topic = topic_;
    command.stream = StreamName(stream);
    command.id_from_client = !asked.id.empty();
    command.id = AppendId(asked.id.empty() ? MakeUuidV7(1, SystemRandom()) : asked.id);
    command.expected = asked.expected;
    std::vector<SubmittedEvent> submitted;
    for (int i = 0; i < asked.events; ++i) {
      Event event;
      event.id = "e" + std::to_string(i);
      event.source = "/tests";
      event.type = "Tested";
      event.data_kind = DataKind::kJson;
      event.data = asked.data;
      command.events.push_back(event);
      submitted.push_back({event, {}, {}});
    }
    command.fingerprint = FingerprintOf(asked.expected, submitted);
    auto promise = std::make_shared<std::promise<AppendResult>>();
    auto future = promise->get_future();
    store_->Append(std::move(command), SystemClock().Now() + asked.wait,
                   [promise](AppendResult result) { promise->set_value(std::move(result)); });
    return future;
  }

  AppendResult Append(const std::string& stream, const Asked& asked) {
    return StartAppend(stream, asked).get();
  }
  AppendResult Append(const std::string& stream) { return Append(stream, Asked()); }

  AppendResult FindAppend(const std::string& stream, const std::string& id,
                          milliseconds wait = milliseconds(5000)) {
    std::promise<AppendResult> promise;
    store_->FindAppend(topic_, StreamName(stream), AppendId(id), SystemClock().Now() + wait,
                       [&promise](AppendResult result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  Result<event_store::StreamPage> Read(const std::string& stream,
                                       std::optional<std::int64_t> from = {}, int limit = 100,
                                       event_store::StreamQuery::Direction direction =
                                           event_store::StreamQuery::Direction::kForwards) {
    event_store::StreamQuery query;
    query.topic = topic_;
    query.stream = StreamName(stream);
    if (from) query.from = Version(*from);
    query.limit = limit;
    query.direction = direction;
    return store_->ReadStream(query);
  }

  static std::vector<std::int64_t> Versions(const event_store::StreamPage& page) {
    std::vector<std::int64_t> versions;
    for (const RecordedEvent& event : page.events) versions.push_back(event.version->value);
    return versions;
  }

  static Expected New() { return {Expected::Kind::kNew, {}}; }
  static Expected Exists() { return {Expected::Kind::kExists, {}}; }
  static Expected At(std::int64_t version) { return {Expected::Kind::kVersion, Version(version)}; }

  /// Waits until `condition` holds; false after ten seconds.
  static bool Eventually(const std::function<bool()>& condition) {
    const Deadline deadline = SystemClock().Now() + std::chrono::seconds(10);
    while (!condition()) {
      if (SystemClock().Now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TopicName topic_{"orders"};
  bool copy_records_ = false;
  milliseconds refresh_interval_{20};
  milliseconds check_interval_{3'600'000};
  milliseconds end_behind_max_{3'600'000};
  TemporaryDirectory directory_;
  Metrics metrics_;
  MemoryLog log_;
  std::unique_ptr<event_store::EventStore> store_;
};

}  // namespace bitacora::tests
