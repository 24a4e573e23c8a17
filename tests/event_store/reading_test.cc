#include "support/event_store_fixture.h"

namespace bitacora::tests {
namespace {

using event_store::StreamQuery;

/// Once with the records copied into the state, as on Kafka, once without.
class ReadingAStream : public EventStoreTest, public testing::WithParamInterface<bool> {
 protected:
  ReadingAStream() {
    store_.reset();
    std::filesystem::remove_all(directory_.path() + "/state");
    copy_records_ = GetParam();
    Open();
    MakeTopic();
  }
};
INSTANTIATE_TEST_SUITE_P(Records, ReadingAStream, testing::Values(false, true),
                         [](const auto& records) { return records.param ? "Copied" : "InTheLog"; });

class ReadingAPartition : public ReadingAStream {};
INSTANTIATE_TEST_SUITE_P(Records, ReadingAPartition, testing::Values(false, true),
                         [](const auto& records) { return records.param ? "Copied" : "InTheLog"; });

TEST_P(ReadingAStream, StartsAtAnyVersionInsideAnAppend) {
  ASSERT_TRUE(Append("o-1", {.events = 4})->admitted);
  ASSERT_TRUE(Append("o-2")->admitted);
  ASSERT_TRUE(Append("o-1", {.events = 3})->admitted);
  const auto page = Read("o-1", 2, 3);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Versions(*page), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(page->head, Version(6));
  EXPECT_EQ(page->next, Version(5));
  EXPECT_EQ(Versions(*Read("o-1", 5)), (std::vector<std::int64_t>{5, 6}));
}

TEST_P(ReadingAStream, GoesBackwardsFromTheHead) {
  ASSERT_TRUE(Append("o-1", {.events = 3})->admitted);
  ASSERT_TRUE(Append("o-1", {.events = 2})->admitted);
  const auto last = Read("o-1", {}, 1, StreamQuery::Direction::kBackwards);
  EXPECT_EQ(Versions(*last), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(last->next, Version(3));
  const auto rest = Read("o-1", 3, 10, StreamQuery::Direction::kBackwards);
  EXPECT_EQ(Versions(*rest), (std::vector<std::int64_t>{3, 2, 1, 0}));
  EXPECT_EQ(rest->next, std::nullopt);
}

TEST_P(ReadingAStream, IsEmptyBeyondTheHead) {
  ASSERT_TRUE(Append("o-1")->admitted);
  const auto page = Read("o-1", 7);
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->events.empty());
  EXPECT_EQ(page->next, std::nullopt);
}

TEST_P(ReadingAStream, LeavesOutWhatWasNotAdmitted) {
  ASSERT_TRUE(Append("o-1", {.id = "a"})->admitted);
  ASSERT_FALSE(Append("o-1", {.id = "b", .expected = New()})->admitted);
  log_.Write({topic_, Partition(0)}, {"o-1", "foreign", {}});
  ASSERT_TRUE(Append("o-1", {.id = "c"})->admitted);
  EXPECT_EQ(Versions(*Read("o-1")), (std::vector<std::int64_t>{0, 1}));
}

TEST_P(ReadingAStream, KnowsNoUnknownStream) {
  EXPECT_EQ(Read("o-9").error().reason(), "stream-unknown");
}

TEST_P(ReadingAStream, KeepsTheBytesOfItsData) {
  const std::string data = R"({ "b" : 1.50, "a":"\u00e9" })";
  ASSERT_TRUE(Append("o-1", {.data = data})->admitted);
  EXPECT_EQ(Read("o-1")->events[0].event.data, data);
}

TEST_P(ReadingAPartition, GivesAdmittedRecordsInOrderAndMovesOverTheOthers) {
  ASSERT_TRUE(Append("o-1", {.id = "a"})->admitted);
  ASSERT_FALSE(Append("o-1", {.id = "b", .expected = New()})->admitted);
  ASSERT_TRUE(Append("o-2", {.id = "c", .events = 2})->admitted);
  ASSERT_FALSE(Append("o-1", {.id = "d", .expected = New()})->admitted);
  const auto page = store_->ReadPartition({topic_, Partition(0)}, Offset(0), {});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->records.size(), 2U);
  EXPECT_EQ(page->records[0].record.offset, Offset(1));
  EXPECT_EQ(page->records[1].record.offset, Offset(3));
  EXPECT_EQ(page->records[1].count, 2U);
  EXPECT_EQ(page->next, Offset(5));
  EXPECT_TRUE(page->at_end);
}

TEST_P(ReadingAPartition, GoesOnWhereAPageEnded) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Append("o-1")->admitted);
  std::vector<std::int64_t> offsets;
  Offset from(0);
  for (bool at_end = false; !at_end;) {
    const auto page = store_->ReadPartition({topic_, Partition(0)}, from, {3, 1u << 20});
    ASSERT_TRUE(page.ok());
    for (const auto& record : page->records) offsets.push_back(record.record.offset.value);
    at_end = page->at_end;
    from = page->next;
  }
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

}  // namespace
}  // namespace bitacora::tests
