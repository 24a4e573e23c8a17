// A log on Kafka and what tests ask of it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/clock.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

namespace bitacora::support {

using event_store::KafkaLogOptions;
using event_store::Log;
using event_store::LogReader;
using event_store::ReadEvent;

inline Deadline Soon() { return SystemClock().Now() + std::chrono::seconds(30); }

/// Answers of appends, in the order in which they came. Give it to callbacks as a shared_ptr: they
/// may come after a test has given up.
class Answers {
 public:
  Log::AppendCallback Take() {
    return [this](Result<Offset> answer) {
      {
        std::lock_guard lock(mutex_);
        answers_.push_back(std::move(answer));
      }
      changed_.notify_all();
    };
  }
  /// All answers, once there are `count`.
  std::vector<Result<Offset>> WaitFor(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_until(lock, Soon(), [&] { return answers_.size() >= count; }))
        << answers_.size() << " of " << count << " answers";
    return answers_;
  }
  std::size_t size() {
    std::lock_guard lock(mutex_);
    return answers_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Result<Offset>> answers_;
};

inline Record Plain(std::string value) {
  Record record;
  record.key = "key";
  record.value = std::move(value);
  return record;
}

inline std::unique_ptr<Log> OpenLog(const KafkaLogOptions& options, Metrics& metrics) {
  auto opened = event_store::OpenKafkaLog(options, metrics);
  EXPECT_TRUE(opened.ok()) << opened.error().ToString();
  return opened.ok() ? std::move(*opened) : nullptr;
}

inline Result<Offset> AppendAndWait(Log& log, const TopicPartition& at, Record record) {
  const auto answers = std::make_shared<Answers>();
  log.Append(at, std::move(record),
             [answers, take = answers->Take()](Result<Offset> answer) { take(std::move(answer)); });
  auto all = answers->WaitFor(1);
  if (all.empty()) return Error(ErrorCode::kInternal, "no answer came");
  return all[0];
}

/// The values of `at` from `from` to the end.
inline std::vector<std::string> ReadAll(Log& log, const TopicPartition& at,
                                        Offset from = Offset(0)) {
  std::vector<std::string> values;
  while (true) {
    const auto page = log.Fetch(at, from, {});
    if (!page.ok()) {
      ADD_FAILURE() << page.error().ToString();
      return values;
    }
    for (const StoredRecord& record : page->records) values.emplace_back(record.value);
    if (page->at_end) return values;
    from = page->next;
  }
}

inline std::vector<ReadEvent> PollUntil(
    LogReader& reader, const std::function<bool(const std::vector<ReadEvent>&)>& enough) {
  std::vector<ReadEvent> events;
  const Deadline deadline = Soon();
  while (!enough(events)) {
    if (SystemClock().Now() >= deadline) {
      ADD_FAILURE() << "gave up after " << events.size() << " events";
      break;
    }
    static_cast<void>(reader.Poll(100, deadline, &events).ok());
  }
  return events;
}

inline std::vector<std::string> ValuesOf(const std::vector<ReadEvent>& events) {
  std::vector<std::string> values;
  for (const ReadEvent& event : events) {
    if (event.kind == ReadEvent::Kind::kRecord) values.emplace_back(event.record.value);
  }
  return values;
}

inline bool EndsWithEndOrError(const std::vector<ReadEvent>& events) {
  return !events.empty() && events.back().kind != ReadEvent::Kind::kRecord;
}

}  // namespace bitacora::support
