#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/deadline_timer.h>

namespace bitacora {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

/// Whether it happens at all; ten seconds are more than any machine takes.
bool Happens(std::promise<void>* event) {
  return event->get_future().wait_for(10s) == std::future_status::ready;
}

Deadline In(std::chrono::milliseconds time) { return SystemClock().Now() + time; }

TEST(ATimer, RunsAnActionNotBeforeItsDeadline) {
  std::promise<void> ran;
  Deadline at;
  DeadlineTimer timer;
  const Deadline when = In(5ms);
  timer.Schedule(when, [&] {
    at = SystemClock().Now();
    ran.set_value();
  });
  ASSERT_TRUE(Happens(&ran));
  EXPECT_GE(at, when);
}

TEST(ATimer, RunsActionsInTheOrderOfTheirDeadlines) {
  std::vector<int> order;
  std::promise<void> last;
  DeadlineTimer timer;  // After what its actions use: it waits for them in its end.
  const Deadline base = In(20ms);
  timer.Schedule(base + 2ms, [&] {
    order.push_back(3);
    last.set_value();
  });
  timer.Schedule(base, [&order] { order.push_back(1); });
  timer.Schedule(base, [&order] { order.push_back(2); });
  ASSERT_TRUE(Happens(&last));
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(ATimer, WakesForAnActionThatIsDueBeforeTheOneItWaitsFor) {
  std::promise<void> ran;
  DeadlineTimer timer;
  timer.Schedule(In(1h), [] { ADD_FAILURE() << "an hour has not passed"; });
  timer.Schedule(In(1ms), [&ran] { ran.set_value(); });
  ASSERT_TRUE(Happens(&ran));
}

TEST(ATimer, RunsActionsBehindCancelledOnes) {
  std::promise<void> ran;
  DeadlineTimer timer;
  timer.Cancel(timer.Schedule(In(5ms), [] { ADD_FAILURE() << "it was cancelled"; }));
  timer.Schedule(In(20ms), [&ran] { ran.set_value(); });
  ASSERT_TRUE(Happens(&ran));
}

TEST(ATimerThatWaitsForNothing, WakesForAnAction) {
  DeadlineTimer timer;
  std::vector<std::promise<void>> events(200);
  for (std::promise<void>& ran : events) {  // The first finds its thread starting, most waiting.
    timer.Schedule(In(0ms), [&ran] { ran.set_value(); });
    ASSERT_TRUE(Happens(&ran));
  }
}

TEST(ACancelledAction, DoesNotRunAndIsForgotten) {
  DeadlineTimer timer;
  const auto owned = std::make_shared<int>(7);  // shared: with the action, to see it go
  const auto ticket = timer.Schedule(In(1h), [owned] { ADD_FAILURE(); });
  EXPECT_EQ(owned.use_count(), 2);
  timer.Cancel(ticket);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(Cancelling, SparesAnotherActionOfTheSameDeadline) {
  std::promise<void> ran;
  DeadlineTimer timer;
  const Deadline when = In(5ms);
  const auto ticket = timer.Schedule(when, [] { ADD_FAILURE(); });
  timer.Schedule(when, [&ran] { ran.set_value(); });
  timer.Cancel(ticket);
  ASSERT_TRUE(Happens(&ran));
}

TEST(Cancelling, WhatHasRunDoesNothing) {
  std::promise<void> ran;
  DeadlineTimer timer;
  const auto ticket = timer.Schedule(In(0ms), [&ran] { ran.set_value(); });
  ASSERT_TRUE(Happens(&ran));
  timer.Cancel(ticket);
}

TEST(AnAction, MayScheduleTheNext) {
  std::promise<void> ran;
  DeadlineTimer timer;
  timer.Schedule(In(0ms), [&] { timer.Schedule(In(0ms), [&ran] { ran.set_value(); }); });
  ASSERT_TRUE(Happens(&ran));
}

TEST(TheEndOfATimer, DropsWhatHasNotRun) {
  const auto owned = std::make_shared<int>(7);  // shared: with the action, to see it go
  {
    DeadlineTimer timer;
    timer.Schedule(In(1h), [owned] { ADD_FAILURE(); });
  }
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace bitacora
