#include "src/http/timer_wheel.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::api::http {
namespace {

using std::chrono::milliseconds;

class ATimerWheel : public ::testing::Test {
 protected:
  // The entries called back when time moves on to `since_start`.
  std::vector<TimerWheel::Entry*> ExpiredAt(milliseconds since_start) {
    std::vector<TimerWheel::Entry*> expired;
    wheel_.Advance(start_ + since_start,
                   [&expired](TimerWheel::Entry* entry) { expired.push_back(entry); });
    return expired;
  }

  const TimerWheel::Time start_{};
  TimerWheel wheel_{milliseconds(10), start_};
  TimerWheel::Entry entry_;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ATimerWheel, CallsBackOnceAfterTheDeadlineAndNotBefore) {
  wheel_.Set(&entry_, start_ + milliseconds(25));
  EXPECT_THAT(ExpiredAt(milliseconds(25)), IsEmpty());
  EXPECT_THAT(ExpiredAt(milliseconds(36)), ElementsAre(&entry_));
  EXPECT_THAT(ExpiredAt(milliseconds(10'000)), IsEmpty());
}

TEST_F(ATimerWheel, FollowsADeadlineThatMovesAway) {
  wheel_.Set(&entry_, start_ + milliseconds(25));
  wheel_.Set(&entry_, start_ + milliseconds(95));
  EXPECT_THAT(ExpiredAt(milliseconds(60)), IsEmpty());
  EXPECT_THAT(ExpiredAt(milliseconds(94)), IsEmpty());
  EXPECT_THAT(ExpiredAt(milliseconds(106)), ElementsAre(&entry_));
}

TEST_F(ATimerWheel, FollowsADeadlineThatMovesNearer) {
  wheel_.Set(&entry_, start_ + milliseconds(95));
  wheel_.Set(&entry_, start_ + milliseconds(25));
  EXPECT_THAT(ExpiredAt(milliseconds(40)), ElementsAre(&entry_));
}

TEST_F(ATimerWheel, ForgetsADeadlineThatIsTakenBack) {
  wheel_.Set(&entry_, start_ + milliseconds(25));
  wheel_.Set(&entry_, TimerWheel::Time::max());
  EXPECT_THAT(ExpiredAt(milliseconds(1'000)), IsEmpty());
  wheel_.Set(&entry_, start_ + milliseconds(1'100));
  EXPECT_THAT(ExpiredAt(milliseconds(1'200)), ElementsAre(&entry_));
}

TEST_F(ATimerWheel, HoldsDeadlinesBeyondItsLastSlot) {
  wheel_.Set(&entry_, start_ + milliseconds(20'000));
  for (int at = 0; at <= 20'000; at += 70)
    ASSERT_THAT(ExpiredAt(milliseconds(at)), IsEmpty()) << at;
  EXPECT_THAT(ExpiredAt(milliseconds(20'015)), ElementsAre(&entry_));
}

TEST_F(ATimerWheel, CatchesUpAfterALongSleep) {
  TimerWheel::Entry other;
  wheel_.Set(&entry_, start_ + milliseconds(25));
  wheel_.Set(&other, start_ + milliseconds(5'000));
  EXPECT_THAT(ExpiredAt(milliseconds(1'000'000)), ::testing::UnorderedElementsAre(&entry_, &other));
}

TEST_F(ATimerWheel, ExpiresADeadlineThatHasAlreadyPassed) {
  EXPECT_THAT(ExpiredAt(milliseconds(500)), IsEmpty());
  wheel_.Set(&entry_, start_ + milliseconds(1));
  EXPECT_THAT(ExpiredAt(milliseconds(520)), ElementsAre(&entry_));
}

TEST_F(ATimerWheel, LetsTheCallbackDestroyTheEntry) {
  auto doomed = std::make_unique<TimerWheel::Entry>();
  wheel_.Set(doomed.get(), start_ + milliseconds(25));
  wheel_.Set(&entry_, start_ + milliseconds(25));
  int calls = 0;
  wheel_.Advance(start_ + milliseconds(50), [&](TimerWheel::Entry* entry) {
    ++calls;
    if (entry == doomed.get()) doomed.reset();
  });
  EXPECT_EQ(calls, 2);
}

TEST_F(ATimerWheel, ForgetsAnEntryThatIsDestroyed) {
  {
    TimerWheel::Entry gone;
    wheel_.Set(&gone, start_ + milliseconds(25));
  }
  EXPECT_THAT(ExpiredAt(milliseconds(1'000)), IsEmpty());
}

}  // namespace
}  // namespace bitacora::api::http
