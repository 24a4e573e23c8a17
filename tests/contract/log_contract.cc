#include "contract/log_contract.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace bitacora::event_store {

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

}  // namespace bitacora::event_store
