#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/consumers/topic_reader.h>

#include "support/event_store_fixture.h"

namespace bitacora::consumers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReadingATopic : public tests::EventStoreTest {
 protected:
  TopicPage ReadPage(const TopicQuery& query) {
    auto page = ReadTopic(*store_, query);
    EXPECT_TRUE(page.ok()) << page.error().ToString();
    return page.value_or(TopicPage());
  }
  TopicQuery Query(int limit = 100) {
    TopicQuery query;
    query.topic = topic_;
    query.limit = limit;
    return query;
  }
  static std::vector<std::string> Names(const TopicPage& page) {
    std::vector<std::string> names;
    for (const RecordedEvent& event : page.events) {
      names.push_back(std::string(event.event.stream) + "/" + std::to_string(event.version->value));
    }
    return names;
  }
  void Put(const std::string& stream, int events = 1, const std::string& data = "1") {
    Asked asked;
    asked.events = events;
    asked.data = data;
    const auto appended = Append(stream, asked);
    ASSERT_TRUE(appended.ok()) << appended.error().ToString();
  }
  /// Where partition 0 is to be read from.
  Position From(Offset offset, std::int32_t index = 0) {
    Position position;
    position.log_tag = TagOfLog(store_->GetTopic(topic_)->log_id);
    position.next[Partition(0)] = {offset, index};
    return position;
  }
};

TEST_F(ReadingATopic, MergesItsPartitionsByTheTimeOfRecords) {
  MakeTopic(4);
  std::vector<std::string> appended;
  for (int i = 0; i < 12; ++i) {
    const std::string stream = "s" + std::to_string(i);
    Put(stream);
    appended.push_back(stream + "/0");
  }
  const TopicPage page = ReadPage(Query());
  EXPECT_EQ(Names(page), appended);
  EXPECT_TRUE(page.at_end);
}

TEST_F(ReadingATopic, PageByPageMeetsEveryEventOnce) {
  MakeTopic(3);
  std::vector<std::string> appended;
  for (int i = 0; i < 20; ++i) Put("s" + std::to_string(i % 6), 1 + i % 4);
  const std::vector<std::string> at_once = Names(ReadPage(Query(1000)));
  for (const int limit : {1, 2, 3, 7}) {
    TopicQuery query = Query(limit);
    std::vector<std::string> all;
    TopicPage page;
    do {
      page = ReadPage(query);
      EXPECT_LE(page.events.size(), static_cast<std::size_t>(limit));
      for (const std::string& name : Names(page)) all.push_back(name);
      query.from = page.next;
    } while (!page.at_end);
    EXPECT_THAT(all, ::testing::UnorderedElementsAreArray(at_once)) << "pages of " << limit;
  }
}

TEST_F(ReadingATopic, ALongPageIsTheSameWhateverOthersReadOfIt) {
  MakeTopic(8);
  for (int i = 0; i < 60; ++i) Put("s" + std::to_string(i % 20), 20);
  const TopicQuery query = Query(1000);
  const TopicPage alone = ReadPage(query);
  ASSERT_THAT(alone.events, SizeIs(1000));

  std::vector<std::function<void()>> late;
  std::vector<std::jthread> others;
  const Offer never = [](const std::function<void()>&) {};
  const Offer at_once = [](const std::function<void()>& part) { part(); };
  const Offer beside = [&](std::function<void()> part) { others.emplace_back(std::move(part)); };
  const Offer too_late = [&](std::function<void()> part) { late.push_back(std::move(part)); };
  for (const Offer& offer : {never, at_once, too_late, beside, beside, beside}) {
    const auto page = ReadTopic(*store_, query, offer);
    ASSERT_TRUE(page.ok()) << page.error().ToString();
    EXPECT_EQ(Names(*page), Names(alone));
    EXPECT_EQ(page->next, alone.next);
  }
  EXPECT_THAT(late, SizeIs(1));
  for (const auto& part : late) part();
  EXPECT_THAT(others, SizeIs(3));
}

TEST_F(ReadingATopic, MayStopInsideAnAppendAndGoOnThere) {
  MakeTopic();
  Put("s", 3);
  const TopicPage first = ReadPage(Query(2));
  EXPECT_THAT(Names(first), ElementsAre("s/0", "s/1"));
  EXPECT_EQ(first.next.next.at(Partition(0)), (PartitionPosition{Offset(1), 2}));
  TopicQuery query = Query();
  query.from = first.next;
  EXPECT_THAT(Names(ReadPage(query)), ElementsAre("s/2"));
}

TEST_F(ReadingATopic, FromBehindTheLastEventOfARecordMovesOnToTheNext) {
  MakeTopic();
  Put("s", 2);
  TopicQuery query = Query();
  for (const std::int32_t index : {2, 999}) {
    query.from = From(Offset(1), index);
    const TopicPage page = ReadPage(query);
    EXPECT_THAT(page.events, IsEmpty());
    EXPECT_TRUE(page.at_end);
    EXPECT_EQ(page.next.next.at(Partition(0)), (PartitionPosition{Offset(2), 0}))
        << "who waits behind it would be answered at once, for ever";
  }
}

TEST_F(ReadingATopic, ByStreamOrTypeMovesOnOverWhatDoesNotMatch) {
  MakeTopic();
  for (const std::string stream : {"a", "b", "a", "c"}) Put(stream);
  TopicQuery query = Query();
  query.streams = {"a", "c"};
  EXPECT_THAT(Names(ReadPage(query)), ElementsAre("a/0", "a/1", "c/0"));
  query.types = {"Other"};
  const TopicPage none = ReadPage(query);
  EXPECT_THAT(none.events, IsEmpty());
  EXPECT_EQ(none.next.next.at(Partition(0)).offset, Offset(5));
  EXPECT_TRUE(none.at_end);
}

TEST_F(ReadingATopic, EndsAPageAfterSoManyEventsLookedAt) {
  MakeTopic();
  for (int i = 0; i < 5; ++i) Put("s");
  TopicQuery query = Query();
  query.types = {"Other"};
  query.scan_max = 2;
  const TopicPage page = ReadPage(query);
  EXPECT_FALSE(page.at_end);
  EXPECT_EQ(page.next.next.at(Partition(0)).offset, Offset(3));
}

TEST_F(ReadingATopic, EndsAPageAtItsBytesButGivesOneEventAllTheSame) {
  MakeTopic();
  for (int i = 0; i < 3; ++i) Put("s", 1, "12345");
  TopicQuery query = Query();
  query.bytes_max = 10;
  EXPECT_THAT(ReadPage(query).events, SizeIs(2));
  query.bytes_max = 1;
  EXPECT_THAT(ReadPage(query).events, SizeIs(1));
}

TEST_F(ReadingATopic, NamesEveryPartitionInItsPosition) {
  MakeTopic(3);
  Put("s");
  const TopicPage page = ReadPage(Query());
  EXPECT_THAT(page.next.next, SizeIs(3));
  TopicQuery query = Query();
  query.from = page.next;
  EXPECT_THAT(ReadPage(query).events, IsEmpty());
}

TEST_F(ReadingATopic, RefusesPositionsThatAreNotInIt) {
  MakeTopic();
  Put("s");
  TopicQuery query = Query();
  query.from = From(Offset(0));
  query.from.log_tag ^= 1;
  EXPECT_EQ(ReadTopic(*store_, query).error().reason(), "position-from-another-log");
  query.from = From(Offset(3));
  EXPECT_EQ(ReadTopic(*store_, query).error().reason(), "position-ahead");
  EXPECT_TRUE(ReadTopic(*store_, query).error().retryable()) << "this node may catch up";
  query.from = From(Offset(0));
  query.from.next[Partition(7)] = {Offset(0), 0};
  EXPECT_EQ(ReadTopic(*store_, query).error().reason(), "position-ahead");
  query.topic = TopicName("none");
  EXPECT_EQ(ReadTopic(*store_, query).error().reason(), "topic-unknown");
}

TEST_F(ReadingATopic, ThatIsAdoptedGivesWhatIsThereWithoutVersions) {
  const TopicName clicks("clicks");
  log_.AddTopic(clicks, 1);
  const TopicPartition at{clicks, Partition(0)};
  for (const std::string value : {"1", "2", "3"}) log_.Write(at, {"k", value, {}});
  log_.DropBefore(at, Offset(1));
  TopicQuery query = Query();
  query.topic = clicks;
  const TopicPage page = ReadPage(query);
  ASSERT_THAT(page.events, SizeIs(2));
  EXPECT_EQ(page.events[0].event.data, "2");
  EXPECT_EQ(page.events[0].version, std::nullopt);
  query.from.log_tag = page.next.log_tag;
  query.from.next[Partition(0)] = {Offset(0), 0};
  EXPECT_EQ(ReadTopic(*store_, query).error().reason(), "position-gone");
}

TEST_F(ReadingATopic, MovesOnOverHoles) {
  const TopicName clicks("clicks");
  log_.AddTopic(clicks, 1);
  const TopicPartition at{clicks, Partition(0)};
  log_.WriteHole(at);
  log_.Write(at, {"k", "1", {}});
  log_.WriteHole(at);
  TopicQuery query = Query();
  query.topic = clicks;
  const TopicPage page = ReadPage(query);
  EXPECT_THAT(page.events, SizeIs(1));
  EXPECT_TRUE(page.at_end);
  EXPECT_EQ(page.next.next.at(Partition(0)).offset, Offset(3));
}

}  // namespace
}  // namespace bitacora::consumers
