// What every Log must do, whoever keeps the records. A test binary is linked with log_contract,
// says how its log is made (a LogFixture) and instantiates the suites that apply to it:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, LogContract, testing::Values(LogFactory(&MakeFixture)));
//
// LogContract, LogReaderContract: every log. TopicCreationContract: where Log::CreateTopic works.
// ReopenedLogContract: where a fixture can close its log and open it again over the same records.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/clock.h>
#include <bitacora/domain/record.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

/// One log of its own per test. A broker that is shared between tests makes topics' names unique in
/// UniqueName.
class LogFixture {
 public:
  virtual ~LogFixture() = default;

  virtual Log& log() = 0;
  /// Closes the log and opens it again, with the same records. Only for ReopenedLogContract.
  virtual void Reopen() { FAIL() << "this log cannot be opened again"; }
  /// Makes an empty topic; a log without CreateTopic does it in its own way.
  virtual Status MakeTopic(const TopicName& topic, std::int32_t partitions) {
    return log().CreateTopic(topic, partitions);
  }
  /// `name`, changed so that no other test meets it.
  virtual TopicName UniqueName(const std::string& name) { return TopicName(name); }
  /// How long anything may take before a test gives up.
  virtual std::chrono::seconds patience() const { return std::chrono::seconds(20); }
};

/// A plain function, so that test names do not depend on a pointer's value.
struct LogFactory {
  using Make = std::unique_ptr<LogFixture> (*)();
  explicit LogFactory(Make make_fixture) : make(make_fixture) {}
  Make make;
  friend void PrintTo(const LogFactory&, std::ostream* out) { *out << "a log"; }
};

class LogContract : public testing::TestWithParam<LogFactory> {
 protected:
  void SetUp() override {
    fixture_ = GetParam().make();
    ASSERT_NE(fixture_, nullptr);
  }

  Log& log() { return fixture_->log(); }
  Deadline Soon() const { return SystemClock().Now() + fixture_->patience(); }

  TopicPartition MakeTopic(const std::string& name, std::int32_t partitions = 1) {
    const TopicName topic = fixture_->UniqueName(name);
    const Status made = fixture_->MakeTopic(topic, partitions);
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return {topic, Partition(0)};
  }

  static Record Plain(std::string value) {
    return {.key = "key", .value = std::move(value), .headers = {}};
  }

  /// Appends and waits for the answer.
  Result<Offset> AppendAndWait(const TopicPartition& at, Record record) {
    struct Answer {
      std::mutex mutex;
      std::condition_variable came;
      std::optional<Result<Offset>> result;
    };
    // Shared with the callback, which may outlive a test that gave up.
    auto answer = std::make_shared<Answer>();
    log().Append(at, std::move(record), [answer](Result<Offset> result) {
      {
        std::lock_guard lock(answer->mutex);
        answer->result.emplace(std::move(result));
      }
      answer->came.notify_all();
    });
    std::unique_lock lock(answer->mutex);
    if (!answer->came.wait_until(lock, Soon(), [&] { return answer->result.has_value(); })) {
      return Error(ErrorCode::kInternal, "no callback came");
    }
    return *answer->result;
  }

  void AppendAll(const TopicPartition& at, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const auto offset = AppendAndWait(at, Plain(value));
      ASSERT_TRUE(offset.ok()) << offset.error().ToString();
    }
  }

  /// Every record of `at` from `from` on, by Fetch.
  std::vector<StoredRecord> FetchAll(const TopicPartition& at, Offset from = Offset(0)) {
    std::vector<StoredRecord> all;
    while (true) {
      auto page = log().Fetch(at, from, {});
      if (!page.ok()) {
        ADD_FAILURE() << page.error().ToString();
        return all;
      }
      all.insert(all.end(), page->records.begin(), page->records.end());
      if (page->at_end) return all;
      if (page->next <= from) {
        ADD_FAILURE() << "Fetch does not move on from " << from.value;
        return all;
      }
      from = page->next;
    }
  }

  static std::vector<std::string> ValuesOf(const std::vector<StoredRecord>& records) {
    std::vector<std::string> values;
    for (const StoredRecord& record : records) values.emplace_back(record.value);
    return values;
  }

  std::unique_ptr<LogFixture> fixture_;
};

/// Adds a reader and what tests ask of it.
class LogReaderContract : public LogContract {
 protected:
  void SetUp() override {
    LogContract::SetUp();
    auto reader = log().NewReader();
    ASSERT_TRUE(reader.ok()) << reader.error().ToString();
    reader_ = std::move(*reader);
  }
  // Before the log goes.
  void TearDown() override { reader_.reset(); }

  void Assign(const TopicPartition& at, Offset from = Offset(0), std::uint64_t tag = 0) {
    const Status assigned = reader_->Assign(at, from, tag);
    ASSERT_TRUE(assigned.ok()) << assigned.error().ToString();
  }

  /// Polls until `enough` of what came holds; returns all that came.
  std::vector<ReadEvent> PollUntil(const std::function<bool(const std::vector<ReadEvent>&)>& enough,
                                   std::size_t max = 100) {
    std::vector<ReadEvent> events;
    const Deadline deadline = Soon();
    while (!enough(events)) {
      if (SystemClock().Now() >= deadline) {
        ADD_FAILURE() << "gave up after " << events.size() << " events";
        break;
      }
      // A log that is away for a moment says so; a reader keeps polling.
      static_cast<void>(reader_->Poll(max, deadline, &events).ok());
    }
    return events;
  }

  std::vector<ReadEvent> PollToEnd() {
    return PollUntil([](const auto& events) {
      return !events.empty() && events.back().kind != ReadEvent::Kind::kRecord;
    });
  }

  static std::vector<std::string> ValuesOf(const std::vector<ReadEvent>& events) {
    std::vector<std::string> values;
    for (const ReadEvent& event : events) {
      if (event.kind == ReadEvent::Kind::kRecord) values.emplace_back(event.record.value);
    }
    return values;
  }

  std::unique_ptr<LogReader> reader_;
};

class TopicCreationContract : public LogContract {};
class ReopenedLogContract : public LogContract {};

}  // namespace bitacora::event_store
