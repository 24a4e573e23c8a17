// What every Log must do, whoever keeps the records. A test binary includes this header once, says
// how its log is made (a LogFixture) and instantiates the suites that apply to it:
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

#include <gmock/gmock.h>
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
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TopicCreationContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReopenedLogContract);

// --- The log -------------------------------------------------------------------------------------

TEST_P(LogContract, HasAnIdentity) { EXPECT_FALSE(log().id().empty()); }

TEST_P(LogContract, IsWritable) {
  MakeTopic("orders");
  const Status writable = log().Writable();
  EXPECT_TRUE(writable.ok()) << writable.error().ToString();
}

TEST_P(LogContract, ListsItsTopicsByName) {
  const TopicName second = MakeTopic("b-topic", 2).topic;
  const TopicName first = MakeTopic("a-topic", 3).topic;

  const auto topics = log().Topics();
  ASSERT_TRUE(topics.ok()) << topics.error().ToString();
  std::vector<std::pair<TopicName, std::int32_t>> ours;
  for (const TopicDescription& topic : *topics) {
    if (topic.name == first || topic.name == second) {
      ours.emplace_back(topic.name, topic.partitions);
    }
  }
  EXPECT_THAT(ours, testing::ElementsAre(std::pair(first, 3), std::pair(second, 2)));
}

TEST_P(LogContract, DescribesATopic) {
  const TopicName topic = MakeTopic("orders", 3).topic;
  const auto description = log().Describe(topic);
  ASSERT_TRUE(description.ok()) << description.error().ToString();
  EXPECT_EQ(description->name, topic);
  EXPECT_EQ(description->partitions, 3);
  EXPECT_GT(description->record_bytes_max, 0u);
}

TEST_P(LogContract, KnowsNoTopicThatWasNeverMade) {
  const auto description = log().Describe(fixture_->UniqueName("never-made"));
  ASSERT_FALSE(description.ok());
  EXPECT_EQ(description.error().code(), ErrorCode::kNotFound);
}

TEST_P(LogContract, AnEmptyPartitionEndsWhereItBegins) {
  const TopicPartition at = MakeTopic("orders");
  const auto earliest = log().Earliest(at);
  const auto latest = log().Latest(at);
  ASSERT_TRUE(earliest.ok() && latest.ok());
  EXPECT_EQ(*earliest, *latest);
}

TEST_P(LogContract, GivesBackEveryByteOfARecord) {
  const TopicPartition at = MakeTopic("orders");
  const std::string binary("\0\xFF\r\n\x80", 5);
  const Record sent{.key = binary,
                    .value = binary + std::string(3000, 'v'),
                    .headers = {{"a", "1"}, {"b", binary}, {"a", ""}}};
  ASSERT_TRUE(AppendAndWait(at, sent).ok());

  const auto records = FetchAll(at);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].key, binary);
  EXPECT_EQ(records[0].value, sent.value);
  EXPECT_FALSE(records[0].is_tombstone);
  ASSERT_EQ(records[0].headers.size(), 3u);
  EXPECT_EQ(records[0].headers[0].name, "a");
  EXPECT_EQ(records[0].headers[0].value, "1");
  EXPECT_EQ(records[0].headers[1].value, binary);
  EXPECT_EQ(records[0].headers[2].name, "a");
  EXPECT_EQ(records[0].headers[2].value, "");
}

TEST_P(LogContract, TellsAnEmptyKeyFromNone) {
  const TopicPartition at = MakeTopic("orders");
  ASSERT_TRUE(AppendAndWait(at, {.key = "", .value = "1", .headers = {}}).ok());
  ASSERT_TRUE(AppendAndWait(at, {.key = std::nullopt, .value = "2", .headers = {}}).ok());

  const auto records = FetchAll(at);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key, "");
  EXPECT_EQ(records[1].key, std::nullopt);
}

TEST_P(LogContract, AnEmptyValueIsNoTombstone) {
  const TopicPartition at = MakeTopic("orders");
  ASSERT_TRUE(AppendAndWait(at, Plain("")).ok());
  const auto records = FetchAll(at);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, "");
  EXPECT_FALSE(records[0].is_tombstone);
}

TEST_P(LogContract, StampsRecordsWithTheTimeOfDay) {
  const TopicPartition at = MakeTopic("orders");
  const std::int64_t before = SystemClock().WallMs();
  ASSERT_TRUE(AppendAndWait(at, Plain("1")).ok());
  const std::int64_t after = SystemClock().WallMs();

  const auto records = FetchAll(at);
  ASSERT_EQ(records.size(), 1u);
  // A broker's clock is another one.
  EXPECT_GE(records[0].timestamp_ms, before - 60'000);
  EXPECT_LE(records[0].timestamp_ms, after + 60'000);
}

TEST_P(LogContract, AnswersAnAppendWithThePlaceOfTheRecord) {
  const TopicPartition at = MakeTopic("orders");
  for (const std::string value : {"1", "2", "3"}) {
    const auto offset = AppendAndWait(at, Plain(value));
    ASSERT_TRUE(offset.ok()) << offset.error().ToString();
    ASSERT_NE(*offset, Log::kOffsetUnknown);
    const auto page = log().Fetch(at, *offset, {.records_max = 1});
    ASSERT_TRUE(page.ok()) << page.error().ToString();
    ASSERT_EQ(page->records.size(), 1u);
    EXPECT_EQ(page->records[0].offset, *offset);
    EXPECT_EQ(page->records[0].value, value);
  }
}

TEST_P(LogContract, ShowsAnAcknowledgedRecordAtOnce) {
  const TopicPartition at = MakeTopic("orders");
  for (int i = 0; i < 20; ++i) {
    const auto offset = AppendAndWait(at, Plain("v"));
    ASSERT_TRUE(offset.ok());
    const auto latest = log().Latest(at);
    ASSERT_TRUE(latest.ok());
    EXPECT_EQ(*latest, offset->Next());
  }
}

TEST_P(LogContract, KeepsPartitionsApart) {
  const TopicPartition first = MakeTopic("orders", 2);
  const TopicPartition second{first.topic, Partition(1)};
  AppendAll(first, {"first"});
  AppendAll(second, {"second", "second again"});
  EXPECT_THAT(ValuesOf(FetchAll(first)), testing::ElementsAre("first"));
  EXPECT_THAT(ValuesOf(FetchAll(second)), testing::ElementsAre("second", "second again"));
}

TEST_P(LogContract, KeepsTopicsApart) {
  const TopicPartition orders = MakeTopic("orders");
  const TopicPartition parcels = MakeTopic("parcels");
  AppendAll(orders, {"order"});
  EXPECT_THAT(ValuesOf(FetchAll(orders)), testing::ElementsAre("order"));
  EXPECT_THAT(FetchAll(parcels), testing::IsEmpty());
}

TEST_P(LogContract, RefusesToAppendToATopicThatIsNotThere) {
  const auto offset = AppendAndWait({fixture_->UniqueName("never-made"), Partition(0)}, Plain("1"));
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().code(), ErrorCode::kNotFound) << offset.error().ToString();
}

TEST_P(LogContract, RefusesToAppendToAPartitionThatIsNotThere) {
  const TopicPartition at = MakeTopic("orders", 2);
  for (const int partition : {2, -1}) {
    const auto offset = AppendAndWait({at.topic, Partition(partition)}, Plain("1"));
    ASSERT_FALSE(offset.ok());
    EXPECT_EQ(offset.error().code(), ErrorCode::kNotFound) << offset.error().ToString();
  }
}

TEST_P(LogContract, TakesARecordOfNearlyTheLargestSize) {
  const TopicPartition at = MakeTopic("orders");
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  const std::string value(description->record_bytes_max - 16'384, 'v');
  const auto offset = AppendAndWait(at, Plain(value));
  ASSERT_TRUE(offset.ok()) << offset.error().ToString();
  EXPECT_THAT(ValuesOf(FetchAll(at)), testing::ElementsAre(value));
}

TEST_P(LogContract, RefusesARecordThatIsTooLarge) {
  const TopicPartition at = MakeTopic("orders");
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  const auto offset = AppendAndWait(at, Plain(std::string(description->record_bytes_max + 1, 'v')));
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().code(), ErrorCode::kInvalidArgument) << offset.error().ToString();
  EXPECT_EQ(offset.error().reason(), "record-too-large");
  EXPECT_THAT(FetchAll(at), testing::IsEmpty());
}

TEST_P(LogContract, KeepsTheOrderInWhichAThreadAppends) {
  constexpr int kThreads = 4;
  constexpr int kEach = 100;
  const TopicPartition at = MakeTopic("orders");

  std::mutex mutex;
  std::condition_variable changed;
  int answered = 0;
  std::vector<std::string> errors;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          Record record = Plain(std::to_string(i));
          record.key = std::to_string(thread);
          log().Append(at, std::move(record), [&](Result<Offset> offset) {
            std::lock_guard lock(mutex);
            if (!offset.ok()) errors.push_back(offset.error().ToString());
            ++answered;
            changed.notify_all();
          });
        }
      });
    }
  }
  {
    std::unique_lock lock(mutex);
    // No giving up: the callbacks refer to this frame.
    changed.wait(lock, [&] { return answered == kThreads * kEach; });
  }
  ASSERT_THAT(errors, testing::IsEmpty());

  std::vector<int> next(kThreads, 0);
  for (const StoredRecord& record : FetchAll(at)) {
    const auto thread = static_cast<std::size_t>(std::stoi(std::string(record.key.value())));
    EXPECT_EQ(record.value, std::to_string(next[thread]));
    ++next[thread];
  }
  EXPECT_THAT(next, testing::Each(kEach));
}

TEST_P(LogContract, FetchReturnsAtMostTheRecordsAskedFor) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  const auto page = log().Fetch(at, Offset(0), {.records_max = 2});
  ASSERT_TRUE(page.ok()) << page.error().ToString();
  EXPECT_THAT(ValuesOf(page->records), testing::ElementsAre("1", "2"));
  EXPECT_FALSE(page->at_end);
  const auto rest = log().Fetch(at, page->next, {.records_max = 2});
  ASSERT_TRUE(rest.ok()) << rest.error().ToString();
  EXPECT_THAT(ValuesOf(rest->records), testing::ElementsAre("3"));
}

TEST_P(LogContract, FetchGoesOnWhereAPageEndedWhateverHappenedSince) {
  const TopicPartition at = MakeTopic("orders");
  const auto append = [&](int from, int to) {
    for (int i = from; i < to; ++i) AppendAll(at, {std::to_string(i)});
  };
  const auto fetch = [&](Offset from) {
    auto page = log().Fetch(at, from, {.records_max = 10});
    EXPECT_TRUE(page.ok()) << page.error().ToString();
    return *std::move(page);
  };
  const auto expect = [](const Log::Fetched& page, int first, int behind) {
    std::vector<std::string> values;
    for (int i = first; i < behind; ++i) values.push_back(std::to_string(i));
    EXPECT_EQ(ValuesOf(page.records), values);
  };
  append(0, 35);
  const auto first = fetch(Offset(0));
  expect(first, 0, 10);
  const auto second = fetch(first.next);
  expect(second, 10, 20);
  // Elsewhere, and back again.
  expect(fetch(Offset(0)), 0, 10);
  const auto third = fetch(second.next);
  expect(third, 20, 30);
  EXPECT_FALSE(third.at_end);
  // The end is that of now, not of the page before.
  append(35, 38);
  const std::vector<StoredRecord> rest = FetchAll(at, third.next);
  EXPECT_THAT(ValuesOf(rest), testing::ElementsAre("30", "31", "32", "33", "34", "35", "36", "37"));
  append(38, 40);
  EXPECT_THAT(ValuesOf(FetchAll(at, rest.back().offset.Next())), testing::ElementsAre("38", "39"));
}

TEST_P(LogContract, FetchReturnsOneRecordHoweverFewBytesAreAllowed) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {std::string(5000, '1'), std::string(5000, '2')});
  const auto page = log().Fetch(at, Offset(0), {.records_max = 100, .bytes_max = 10});
  ASSERT_TRUE(page.ok()) << page.error().ToString();
  EXPECT_THAT(ValuesOf(page->records), testing::ElementsAre(std::string(5000, '1')));
}

TEST_P(LogContract, FetchAtTheEndIsEmptyAndSaysSo) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1"});
  const auto latest = log().Latest(at);
  ASSERT_TRUE(latest.ok());
  const auto page = log().Fetch(at, *latest, {});
  ASSERT_TRUE(page.ok()) << page.error().ToString();
  EXPECT_THAT(page->records, testing::IsEmpty());
  EXPECT_TRUE(page->at_end);
  EXPECT_EQ(page->next, *latest);
}

TEST_P(LogContract, FetchBeyondTheEndMeansTheLogWentBack) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1"});
  const auto page = log().Fetch(at, Offset(1'000), {});
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().reason(), "log-moved-backwards") << page.error().ToString();
}

TEST_P(LogContract, FetchesTheRecordsAtSomeOffsets) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  const auto records = log().FetchEach(at, std::vector{Offset(0), Offset(2)});
  ASSERT_TRUE(records.ok()) << records.error().ToString();
  EXPECT_THAT(ValuesOf(*records), testing::ElementsAre("1", "3"));
  EXPECT_EQ(records->back().offset, Offset(2));
  EXPECT_TRUE(log().FetchEach(at, {})->empty());
  const auto beyond = log().FetchEach(at, std::vector{Offset(0), Offset(3)});
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().code(), ErrorCode::kCorruption);
}

TEST_P(LogContract, RecordsOutliveThePageTheyCameIn) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"kept"});
  StoredRecord kept;
  {
    auto page = log().Fetch(at, Offset(0), {});
    ASSERT_TRUE(page.ok());
    ASSERT_EQ(page->records.size(), 1u);
    kept = page->records[0];
  }
  EXPECT_EQ(kept.value, "kept");
  EXPECT_EQ(kept.key, "key");
}

TEST_P(LogContract, NothingIsReadFromAPartitionThatIsNotThere) {
  const TopicPartition at{MakeTopic("orders").topic, Partition(7)};
  const auto code = [](const auto& result) {
    return result.ok() ? ErrorCode::kInternal : result.error().code();
  };
  EXPECT_EQ(code(log().Fetch(at, Offset(0), {})), ErrorCode::kNotFound);
  EXPECT_EQ(code(log().Earliest(at)), ErrorCode::kNotFound);
  EXPECT_EQ(code(log().Latest(at)), ErrorCode::kNotFound);
  EXPECT_EQ(code(log().OffsetForTime(at, 0)), ErrorCode::kNotFound);
}

TEST_P(LogContract, FindsTheFirstRecordAtOrAfterATime) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2"});
  const std::int64_t second = FetchAll(at)[1].timestamp_ms;
  // Until the clock has moved on, so that the third record has a time of its own.
  const Deadline deadline = Soon();
  while (FetchAll(at).back().timestamp_ms <= second) {
    ASSERT_LT(SystemClock().Now(), deadline);
    AppendAll(at, {"later"});
  }
  const auto records = FetchAll(at);
  const auto later = std::find_if(records.begin(), records.end(), [&](const StoredRecord& record) {
    return record.timestamp_ms > second;
  });

  const auto first = log().OffsetForTime(at, 0);
  const auto found = log().OffsetForTime(at, second + 1);
  const auto none = log().OffsetForTime(at, records.back().timestamp_ms + 1'000'000);
  ASSERT_TRUE(first.ok() && found.ok() && none.ok());
  EXPECT_EQ(*first, records.front().offset);
  EXPECT_EQ(*found, later->offset);
  EXPECT_EQ(*none, *log().Latest(at));
}

// --- A reader ------------------------------------------------------------------------------------

TEST_P(LogReaderContract, GivesWhatIsThereThenTheEnd) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at, Offset(0), 42);

  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("1", "2", "3"));
  ASSERT_EQ(events.back().kind, ReadEvent::Kind::kEnd);
  EXPECT_EQ(events.back().end, events[2].record.offset.Next());
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 42u);
}

TEST_P(LogReaderContract, GivesTheEndOfAnEmptyPartition) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, ReadEvent::Kind::kEnd);
}

TEST_P(LogReaderContract, GivesWhatIsAppendedLaterThenTheEndAgain) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  AppendAll(at, {"1"});
  const auto first = PollToEnd();
  EXPECT_THAT(ValuesOf(first), testing::ElementsAre("1"));
  EXPECT_EQ(first.back().kind, ReadEvent::Kind::kEnd);
  AppendAll(at, {"2"});
  const auto second = PollToEnd();
  EXPECT_THAT(ValuesOf(second), testing::ElementsAre("2"));
  EXPECT_EQ(second.back().kind, ReadEvent::Kind::kEnd);
}

TEST_P(LogReaderContract, BeginsWhereItIsTold) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at, FetchAll(at)[1].offset);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("2", "3"));
}

TEST_P(LogReaderContract, ReadsManyPartitionsEachInOrder) {
  constexpr int kPartitions = 4;
  const TopicPartition at = MakeTopic("orders", kPartitions);
  for (int partition = 0; partition < kPartitions; ++partition) {
    const TopicPartition here{at.topic, Partition(partition)};
    AppendAll(here, {"1", "2", "3"});
    Assign(here, Offset(0), static_cast<std::uint64_t>(partition));
  }
  const auto events = PollUntil([](const auto& seen) {
    return std::count_if(seen.begin(), seen.end(), [](const ReadEvent& event) {
             return event.kind == ReadEvent::Kind::kEnd;
           }) >= kPartitions;
  });
  std::vector<std::vector<std::string>> by_partition(kPartitions);
  for (const ReadEvent& event : events) {
    ASSERT_NE(event.kind, ReadEvent::Kind::kError) << event.error.ToString();
    if (event.kind != ReadEvent::Kind::kRecord) continue;
    by_partition[event.tag].emplace_back(event.record.value);
  }
  EXPECT_THAT(by_partition, testing::Each(testing::ElementsAre("1", "2", "3")));
}

TEST_P(LogReaderContract, ReturnsAtMostWhatWasAskedFor) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  Assign(at);
  std::vector<ReadEvent> all;
  const Deadline deadline = Soon();
  while (ValuesOf(all).size() < 3 && SystemClock().Now() < deadline) {
    std::vector<ReadEvent> events;
    static_cast<void>(reader_->Poll(1, deadline, &events).ok());
    EXPECT_LE(events.size(), 1u);
    all.insert(all.end(), events.begin(), events.end());
  }
  EXPECT_THAT(ValuesOf(all), testing::ElementsAre("1", "2", "3"));
}

TEST_P(LogReaderContract, AssigningAgainMovesIt) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2"});
  Assign(at, Offset(0), 1);
  PollToEnd();
  Assign(at, Offset(0), 2);
  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("1", "2"));
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 2u);
}

TEST_P(LogReaderContract, ReturnsNothingMoreOfAnUnassignedPartition) {
  const TopicPartition left = MakeTopic("orders", 2);
  const TopicPartition kept{left.topic, Partition(1)};
  Assign(left, Offset(0), 1);
  Assign(kept, Offset(0), 2);
  PollUntil([](const auto& events) { return events.size() >= 2; });
  reader_->Unassign(left);
  AppendAll(left, {"unseen"});
  AppendAll(kept, {"seen"});
  const auto events = PollToEnd();
  EXPECT_THAT(ValuesOf(events), testing::ElementsAre("seen"));
  for (const ReadEvent& event : events) EXPECT_EQ(event.tag, 2u);
}

TEST_P(LogReaderContract, SaysThatAPartitionIsNotThere) {
  const TopicPartition at{MakeTopic("orders").topic, Partition(7)};
  // A log that knows at once may say so at once.
  if (const Status assigned = reader_->Assign(at, Offset(0), 5); !assigned.ok()) {
    EXPECT_EQ(assigned.error().code(), ErrorCode::kNotFound);
    return;
  }
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].kind, ReadEvent::Kind::kError);
  EXPECT_EQ(events[0].tag, 5u);
  EXPECT_EQ(events[0].error.code(), ErrorCode::kNotFound) << events[0].error.ToString();
}

TEST_P(LogReaderContract, SaysThatTheLogWentBackAndGoesOnWithTheRest) {
  const TopicPartition ahead = MakeTopic("orders", 2);
  const TopicPartition sound{ahead.topic, Partition(1)};
  Assign(ahead, Offset(1'000), 1);
  const auto events = PollToEnd();
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].kind, ReadEvent::Kind::kError);
  EXPECT_EQ(events[0].error.reason(), "log-moved-backwards") << events[0].error.ToString();

  AppendAll(sound, {"1"});
  Assign(sound, Offset(0), 2);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1"));
}

TEST_P(LogReaderContract, ReturnsAtTheDeadline) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  std::vector<ReadEvent> events;
  const Deadline deadline = SystemClock().Now() + milliseconds(20);
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_GE(SystemClock().Now(), deadline);
  EXPECT_THAT(events, testing::IsEmpty());
}

TEST_P(LogReaderContract, WakeEndsARunningPoll) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  const Deadline deadline = Soon();
  std::jthread waker([&] { reader_->Wake(); });
  std::vector<ReadEvent> events;
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_LT(SystemClock().Now(), deadline);
}

TEST_P(LogReaderContract, WakeEndsTheNextPoll) {
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  PollToEnd();
  reader_->Wake();
  const Deadline deadline = Soon();
  std::vector<ReadEvent> events;
  EXPECT_TRUE(reader_->Poll(10, deadline, &events).ok());
  EXPECT_LT(SystemClock().Now(), deadline);
}

TEST_P(LogReaderContract, ReadsWhileOthersAppendAndMissesNothing) {
  constexpr int kRecords = 500;
  const TopicPartition at = MakeTopic("orders");
  Assign(at);
  std::jthread writer([&] {
    for (int i = 0; i < kRecords; ++i) {
      const auto offset = AppendAndWait(at, Plain(std::to_string(i)));
      EXPECT_TRUE(offset.ok());
    }
  });
  const auto events = PollUntil([](const auto& seen) { return ValuesOf(seen).size() >= kRecords; });
  std::vector<std::string> expected;
  for (int i = 0; i < kRecords; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(ValuesOf(events), expected);
}

TEST_P(LogReaderContract, TwoReadersEachGetEverything) {
  const TopicPartition at = MakeTopic("orders");
  auto other = log().NewReader();
  ASSERT_TRUE(other.ok());
  AppendAll(at, {"1", "2"});
  Assign(at);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1", "2"));
  reader_ = std::move(*other);
  Assign(at);
  EXPECT_THAT(ValuesOf(PollToEnd()), testing::ElementsAre("1", "2"));
}

// --- Making topics -------------------------------------------------------------------------------

TEST_P(TopicCreationContract, ATopicIsMadeOnce) {
  const TopicName topic = fixture_->UniqueName("orders");
  ASSERT_TRUE(log().CreateTopic(topic, 3).ok());
  const Status again = log().CreateTopic(topic, 3);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_P(TopicCreationContract, OneOfTwoWhoMakeItAtOnceGetsIt) {
  const TopicName topic = fixture_->UniqueName("orders");
  Status first;
  Status second;
  {
    std::jthread one([&] { first = log().CreateTopic(topic, 3); });
    std::jthread two([&] { second = log().CreateTopic(topic, 3); });
  }
  EXPECT_NE(first.ok(), second.ok());
}

TEST_P(TopicCreationContract, ATopicHasOneToSixtyFourPartitions) {
  for (const std::int32_t partitions : {0, -1, 65}) {
    const Status made = log().CreateTopic(fixture_->UniqueName("orders"), partitions);
    ASSERT_FALSE(made.ok()) << partitions;
    EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(log().CreateTopic(fixture_->UniqueName("narrow"), 1).ok());
  EXPECT_TRUE(log().CreateTopic(fixture_->UniqueName("wide"), 64).ok());
}

TEST_P(TopicCreationContract, ANewTopicHasTheSettingsOfAnOwnedOne) {
  const TopicName topic = fixture_->UniqueName("orders");
  ASSERT_TRUE(log().CreateTopic(topic, 3).ok());
  const auto description = log().Describe(topic);
  ASSERT_TRUE(description.ok()) << description.error().ToString();
  EXPECT_THAT(description->unsafe_settings, testing::IsEmpty());
}

// --- Closed and opened again ---------------------------------------------------------------------

TEST_P(ReopenedLogContract, HasItsRecordsAndItsIdentity) {
  const TopicPartition at = MakeTopic("orders", 2);
  AppendAll(at, {"1", "2"});
  const std::string id = log().id();
  fixture_->Reopen();
  EXPECT_EQ(log().id(), id);
  EXPECT_THAT(ValuesOf(FetchAll(at)), testing::ElementsAre("1", "2"));
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->partitions, 2);
}

TEST_P(ReopenedLogContract, FetchesTheRecordsAtSomeOffsetsOldAndNew) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2", "3"});
  fixture_->Reopen();
  AppendAll(at, {"4"});
  const auto records = log().FetchEach(at, std::vector{Offset(0), Offset(2), Offset(3)});
  ASSERT_TRUE(records.ok()) << records.error().ToString();
  EXPECT_THAT(ValuesOf(*records), testing::ElementsAre("1", "3", "4"));
}

TEST_P(ReopenedLogContract, HasRecordsOfAllSizes) {
  const TopicPartition at = MakeTopic("orders");
  std::vector<std::string> values;
  std::vector<Offset> offsets;
  // Each number of bytes up to some, so that records begin and end at all places of a block that is
  // read at once; and between them two in a row that are larger than it.
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    values.emplace_back(bytes * 3, 'x');
    if (bytes % 50 == 0) values.insert(values.end(), 2, std::string(bytes * 2'000 + 1, 'y'));
  }
  AppendAll(at, values);
  fixture_->Reopen();
  EXPECT_EQ(ValuesOf(FetchAll(at)), values);
  for (std::size_t i = 0; i < values.size(); i += 7) offsets.emplace_back(i);
  const auto each = log().FetchEach(at, offsets);
  ASSERT_TRUE(each.ok()) << each.error().ToString();
  for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ((*each)[i].value, values[i * 7]) << i;
}

TEST_P(ReopenedLogContract, GoesOnBehindTheLastRecord) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1", "2"});
  fixture_->Reopen();
  AppendAll(at, {"3"});
  const auto records = FetchAll(at);
  EXPECT_THAT(ValuesOf(records), testing::ElementsAre("1", "2", "3"));
  EXPECT_LT(records[1].offset, records[2].offset);
}

TEST_P(ReopenedLogContract, KnowsEveryTopicWithoutRecords) {
  const TopicPartition at = MakeTopic("empty", 5);
  fixture_->Reopen();
  const auto description = log().Describe(at.topic);
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->partitions, 5);
  EXPECT_THAT(FetchAll(at), testing::IsEmpty());
}

TEST_P(ReopenedLogContract, KeepsTheOrderOfTimes) {
  const TopicPartition at = MakeTopic("orders");
  AppendAll(at, {"1"});
  const std::int64_t first = FetchAll(at)[0].timestamp_ms;
  fixture_->Reopen();
  const auto found = log().OffsetForTime(at, first);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, Offset(0));
}

TEST_P(ReopenedLogContract, ManyTimesLosesNothing) {
  const TopicPartition at = MakeTopic("orders");
  std::vector<std::string> all;
  for (int round = 0; round < 5; ++round) {
    all.push_back(std::to_string(round));
    AppendAll(at, {all.back()});
    fixture_->Reopen();
  }
  EXPECT_EQ(ValuesOf(FetchAll(at)), all);
}

}  // namespace bitacora::event_store
