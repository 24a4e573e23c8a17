#include <bitacora/event_store/replay.h>

#include "support/event_store_fixture.h"

namespace bitacora::tests {
namespace {

using event_store::Replay;
using event_store::TopicRecord;

class ReplayingATopic : public EventStoreTest {
 protected:
  Result<Replay::Summary> Run(Offset end) {
    auto replay = Replay::Open(log_, directory_.path() + "/scratch");
    EXPECT_TRUE(replay.ok());
    return (*replay)->Run(
        {topic_, Partition(0)}, end,
        [this](const TopicRecord& record) {
          admitted_.push_back(record.first_version->value);
          return Status();
        },
        [this](std::int64_t records) { told_ = records; });
  }

  std::vector<std::int64_t> admitted_;
  std::int64_t told_ = 0;
};

TEST_F(ReplayingATopic, ReachesTheVerdictsOfTheFold) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1", {.id = "a", .events = 2})->admitted);
  ASSERT_FALSE(Append("o-1", {.id = "b", .expected = New()})->admitted);
  ASSERT_TRUE(Append("o-1", {.id = "c"})->admitted);
  const auto summary = Run(*log_.Latest({topic_, Partition(0)}));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(admitted_, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(summary->records, 4);
  EXPECT_EQ(summary->events, 3);
  EXPECT_EQ(told_, 4);
}

TEST_F(ReplayingATopic, EndsBeforeTheOffsetAskedFor) {
  MakeTopic();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append("o-1")->admitted);
  EXPECT_EQ(Run(Offset(3))->records, 3);
  EXPECT_EQ(admitted_, (std::vector<std::int64_t>{0, 1}));
}

TEST_F(ReplayingATopic, SaysWhenTheLogEndsTooEarly) {
  MakeTopic();
  EXPECT_EQ(Run(Offset(10)).error().reason(), "log-moved-backwards");
}

}  // namespace
}  // namespace bitacora::tests
