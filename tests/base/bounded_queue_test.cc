#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/thread.h>

namespace bitacora {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

Deadline Soon() { return SystemClock().Now() + 1ms; }
/// Long enough that a test which needs it has failed.
Deadline Late() { return SystemClock().Now() + 30s; }

std::vector<int> TakeAll(BoundedQueue<int>* queue) {
  std::vector<int> taken;
  queue->PopSome(100, Soon(), &taken);
  return taken;
}

TEST(AQueue, GivesItemsInTheOrderTheyCame) {
  BoundedQueue<int> queue(3);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(queue.TryPush(std::move(i)));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(2, 3));
  EXPECT_EQ(queue.size(), 0U);
}

TEST(AFullQueue, RefusesAndLeavesTheItemWithItsOwner) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  ASSERT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(**queue.Pop(), 1);
  EXPECT_TRUE(queue.TryPush(std::move(second)));
}

TEST(TakingSome, TakesNoMoreThanAsked) {
  BoundedQueue<int> queue(5);
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(queue.TryPush(std::move(i)));
  std::vector<int> taken;
  EXPECT_TRUE(queue.PopSome(2, Late(), &taken));
  EXPECT_THAT(taken, ElementsAre(1, 2));
  EXPECT_TRUE(queue.PopSome(2, Late(), &taken));
  EXPECT_THAT(taken, ElementsAre(1, 2, 3));
}

TEST(TakingSome, ComesBackWithNothingAtItsDeadline) {
  BoundedQueue<int> queue(1);
  std::vector<int> taken;
  const Deadline deadline = Soon();
  EXPECT_TRUE(queue.PopSome(1, deadline, &taken));
  EXPECT_GE(SystemClock().Now(), deadline);
  EXPECT_TRUE(taken.empty());
}

TEST(AClosedQueue, RefusesWhatComesAndGivesWhatIsThere) {
  BoundedQueue<int> queue(3);
  ASSERT_TRUE(queue.TryPush(1));
  ASSERT_TRUE(queue.TryPush(2));
  queue.Close();
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_EQ(queue.Pop(), 1);
  std::vector<int> taken;
  EXPECT_TRUE(queue.PopSome(9, Late(), &taken));
  EXPECT_THAT(taken, ElementsAre(2));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(AClosedQueue, SaysItIsEmptyAlsoToWhoHasTakenBefore) {
  BoundedQueue<int> queue(1);
  queue.Close();
  std::vector<int> taken{7};
  EXPECT_FALSE(queue.PopSome(1, Late(), &taken));
  EXPECT_THAT(taken, ElementsAre(7));
}

TEST(AWaitingReader, IsWokenByAnItem) {
  BoundedQueue<int> queue(1);
  std::promise<std::optional<int>> popped;
  const std::jthread reader =
      StartThread("reader", [&](const std::stop_token&) { popped.set_value(queue.Pop()); });
  EXPECT_TRUE(queue.TryPush(7));
  EXPECT_EQ(popped.get_future().get(), 7);
}

TEST(AFullQueue, TakesBackWhatWasLetIn) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.PushAgain(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_THAT(TakeAll(&queue), ElementsAre(1, 2));
  queue.Close();
  EXPECT_FALSE(queue.PushAgain(4));
}

TEST(AWaitingReader, IsWokenByTheEnd) {
  BoundedQueue<int> queue(1);
  std::promise<bool> more;
  const std::jthread reader = StartThread("reader", [&](const std::stop_token&) {
    std::vector<int> taken;
    more.set_value(queue.PopSome(1, Late(), &taken));
  });
  queue.Close();
  EXPECT_FALSE(more.get_future().get());
}

TEST(SeveralWriters, LoseNothingAndKeepEachTheirOrder) {
  constexpr int kWriters = 4;
  constexpr int kItems = 5'000;
  BoundedQueue<std::pair<int, int>> queue(16);
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.push_back(StartThread("writer", [&queue, writer](const std::stop_token& stop) {
      for (int item = 0; item < kItems && !stop.stop_requested();) {
        if (queue.TryPush({writer, item})) {
          ++item;
        } else {
          std::this_thread::yield();
        }
      }
    }));
  }
  std::vector<int> next(kWriters, 0);
  for (int taken = 0; taken < kWriters * kItems; ++taken) {
    const auto item = queue.Pop();
    ASSERT_EQ(item->second, next[static_cast<std::size_t>(item->first)]++);
  }
  EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace bitacora
