// The embedded log while it grows past segments: readers, copies and the writer at once.
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/metrics.h>
#include <bitacora/event_store/embedded_log.h>

#include "support/seed.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store {
namespace {

using bitacora::testing::Below;
using bitacora::testing::TestSeed;

const TopicName kTopic("orders");
const TopicPartition kAt{kTopic, Partition(0)};

std::string ValueOf(Offset offset) {
  return std::to_string(offset.value) +
         std::string(static_cast<std::size_t>(offset.value) % 97, 'x');
}

class AGrowingLog : public ::testing::Test {
 protected:
  AGrowingLog() {
    Open();
    EXPECT_TRUE(log_->CreateTopic(kTopic, 1).ok());
  }

  /// Anew, where it is open.
  void Open() {
    log_.reset();
    auto opened = OpenEmbeddedLog(
        {.directory = Directory(), .sync = false, .segment_bytes = 3000, .places_kept = 100},
        metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    log_ = std::move(*opened);
  }
  void RemoveIndexes() const {
    for (const auto& entry : std::filesystem::directory_iterator(Directory())) {
      if (entry.path().extension() == ".index") std::filesystem::remove(entry.path());
    }
  }

  std::string Directory() const { return directory_.path() + "/log"; }
  Offset End() const { return log_->Latest(kAt).value_or(Offset(0)); }

  void Append(std::int64_t n) {
    std::mutex mutex;
    std::condition_variable came;
    std::int64_t answered = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      log_->Append(kAt, {"key", ValueOf(Offset(i)), {}}, [&](Result<Offset> offset) {
        EXPECT_TRUE(offset.ok());
        const std::lock_guard lock(mutex);
        ++answered;
        came.notify_one();
      });
      std::unique_lock lock(mutex);
      came.wait(lock, [&] { return answered + 20 > i; });
    }
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return answered == n; });
  }

  /// A page from anywhere and some records by their offsets.
  static void Read(Log& log, Offset end, std::mt19937_64& random) {
    const Offset from(
        static_cast<std::int64_t>(Below(random, static_cast<std::size_t>(end.value))));
    const auto page = log.Fetch(kAt, from, {.records_max = 50, .bytes_max = 1u << 20});
    ASSERT_TRUE(page.ok()) << page.error().ToString();
    ASSERT_FALSE(page->records.empty());
    Offset expected = from;
    for (const StoredRecord& record : page->records) {
      ASSERT_EQ(record.offset, expected);
      ASSERT_EQ(record.value, ValueOf(expected));
      expected = expected.Next();
    }
    std::vector<Offset> some;
    for (Offset at = from; at < end && some.size() < 20; at = Offset(at.value + 13)) {
      some.push_back(at);
    }
    const auto each = log.FetchEach(kAt, some);
    ASSERT_TRUE(each.ok()) << each.error().ToString();
    for (std::size_t i = 0; i < some.size(); ++i) ASSERT_EQ((*each)[i].value, ValueOf(some[i]));
  }

  tests::TemporaryDirectory directory_;
  Metrics metrics_;
  std::unique_ptr<Log> log_;
};

TEST_F(AGrowingLog, IsReadWherePlacesOfItAreInMemoryAndWhereNot) {
  Append(500);
  log_.reset();
  for (const std::size_t kept : {0, 100, 1'000}) {
    Metrics metrics;
    auto again = OpenEmbeddedLog(
        {.directory = Directory(), .segment_bytes = 3000, .places_kept = kept}, metrics);
    ASSERT_TRUE(again.ok()) << again.error().ToString();
    std::mt19937_64 random(TestSeed());
    for (int i = 0; i < 20; ++i) Read(**again, Offset(500), random);
  }
}

TEST_F(AGrowingLog, RemembersThePlacesOfItsNewestRecordsOnly) {
  Append(500);
  Open();  // Records of before are in no memory any more; of the last of them, the places are.
  const std::vector<Offset> some{Offset(499)};
  EXPECT_TRUE(log_->FetchEach(kAt, some).ok());
  Append(500);
  RemoveIndexes();
  const auto fetched = log_->FetchEach(kAt, some);
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code(), ErrorCode::kCorruption);
}

TEST_F(AGrowingLog, IsReadAndCopiedMeanwhile) {
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  for (const int reader : {0, 1}) {
    threads.emplace_back([&, reader] {
      std::mt19937_64 random(TestSeed() + static_cast<std::uint64_t>(reader));
      while (!done && !HasFatalFailure()) {
        if (const Offset end = End(); end > Offset(0)) Read(*log_, end, random);
      }
    });
  }
  threads.emplace_back([&] {
    std::mt19937_64 random(TestSeed());
    for (int copy = 0; !done && !HasFatalFailure(); ++copy) {
      const std::string path = directory_.path() + "/copy" + std::to_string(copy);
      ASSERT_TRUE(log_->Checkpoint(path).ok());
      Metrics metrics;
      auto copied = OpenEmbeddedLog({.directory = path, .read_only = true}, metrics);
      ASSERT_TRUE(copied.ok()) << copied.error().ToString();
      const Offset end = (*copied)->Latest(kAt).value();
      if (end > Offset(0)) Read(**copied, end, random);
    }
  });
  Append(4000);
  done = true;
}

}  // namespace
}  // namespace bitacora::event_store
