#include <future>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>

#include <bitacora/base/thread.h>

namespace bitacora {
namespace {

std::string NameSeenBySystem(const std::string& name) {
  std::promise<std::string> seen;
  const std::jthread thread = StartThread(name, [&seen](const std::stop_token&) {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    seen.set_value(text);
  });
  return seen.get_future().get();
}

TEST(AThread, HasItsName) { EXPECT_EQ(NameSeenBySystem("fold-0"), "fold-0"); }

TEST(AThread, HasTheBeginningOfANameThatIsTooLong) {
  EXPECT_EQ(NameSeenBySystem("twenty-bytes-of-name"), "twenty-bytes-of");
}

TEST(AThread, IsAskedToStopAndWaitedForByItsOwnersEnd) {
  bool stopped = false;
  {
    const std::jthread thread = StartThread("waiting", [&stopped](const std::stop_token& stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      stopped = true;
    });
  }
  EXPECT_TRUE(stopped);
}

TEST(AThread, EndsTheProcessWithAnExceptionThatLeavesIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      StartThread("throwing", [](const std::stop_token&) { throw std::runtime_error("lost"); })
          .join(),
      "lost");
}

}  // namespace
}  // namespace bitacora
