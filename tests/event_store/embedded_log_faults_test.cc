// A disk that fails: what is answered, what is there afterwards, and that the log goes on.
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>

#include "src/embedded/embedded_log.h"
#include "support/faults/failing_file_system.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store {
namespace {

using tests::FailingFileSystem;
using Operation = FailingFileSystem::Operation;

const TopicName kTopic("orders");
const TopicPartition kAt{kTopic, Partition(0)};

class AFailingDisk : public testing::Test {
 protected:
  void SetUp() override {
    Open();
    const Status made = log_->CreateTopic(kTopic, 2);
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }

  void Open() {
    // Few records fill a segment, so that failures meet the beginning of the next as well.
    auto opened =
        embedded::OpenOn({.file_system = disk_},
                         {.directory = directory_.path() + "/log", .segment_bytes = 700}, metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    log_ = std::move(*opened);
  }
  void Reopen() {
    log_.reset();
    Open();
  }

  Result<Offset> Append(const std::string& value) {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Result<Offset>> answer;
    log_->Append(kAt, {"key", value, {}}, [&](Result<Offset> result) {
      const std::lock_guard lock(mutex);
      answer.emplace(std::move(result));
      came.notify_one();
    });
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return answer.has_value(); });
    return *answer;
  }

  /// Whether Writable comes to say so; "" is success.
  bool Becomes(std::string_view reason) {
    const Deadline deadline = SystemClock().Now() + std::chrono::seconds(20);
    while (SystemClock().Now() < deadline) {
      const Status writable = log_->Writable();
      if ((writable.ok() ? "" : writable.error().reason()) == reason) return true;
      std::this_thread::yield();
    }
    return false;
  }
  bool BecomesWritable() { return Becomes(""); }

  /// By offset.
  std::vector<std::string> Values() {
    std::vector<std::string> values;
    const auto page = log_->Fetch(kAt, Offset(0), {.records_max = 100'000, .bytes_max = 1u << 30});
    if (!page.ok()) {
      ADD_FAILURE() << page.error().ToString();
      return values;
    }
    for (const StoredRecord& record : page->records) values.emplace_back(record.value);
    return values;
  }

  tests::TemporaryDirectory directory_;
  const std::shared_ptr<FailingFileSystem> disk_ = std::make_shared<FailingFileSystem>();
  Metrics metrics_;
  std::unique_ptr<Log> log_;
};

TEST_F(AFailingDisk, AFailedSyncLeavesTheOutcomeUnknown) {
  ASSERT_TRUE(Append("before").ok());
  disk_->FailNth(Operation::kSync, 1);
  const auto offset = Append("in doubt");
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().code(), ErrorCode::kTimeout) << offset.error().ToString();
}

TEST_F(AFailingDisk, TheLogHealsAndShowsWhatIsReallyThere) {
  ASSERT_TRUE(Append("before").ok());
  disk_->FailNth(Operation::kSync, 1);
  ASSERT_FALSE(Append("in doubt").ok());
  ASSERT_TRUE(BecomesWritable());
  ASSERT_TRUE(Append("after").ok());
  const auto values = Values();
  // The failed sync had written its record, so it is there: it was never called failed.
  EXPECT_THAT(values, testing::ElementsAre("before", "in doubt", "after"));
  Reopen();
  EXPECT_EQ(Values(), values);
}

TEST_F(AFailingDisk, AReaderMeetsTheRecordThatWasInDoubt) {
  auto reader = log_->NewReader();
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE((*reader)->Assign(kAt, Offset(0), 0).ok());
  disk_->FailNth(Operation::kSync, 1);
  ASSERT_FALSE(Append("in doubt").ok());
  const Deadline deadline = SystemClock().Now() + std::chrono::seconds(20);
  std::vector<std::string> values;
  while (values.empty() && SystemClock().Now() < deadline) {
    std::vector<ReadEvent> events;
    static_cast<void>((*reader)->Poll(10, deadline, &events).ok());
    for (const ReadEvent& event : events) {
      ASSERT_NE(event.kind, ReadEvent::Kind::kError) << event.error.ToString();
      if (event.kind == ReadEvent::Kind::kRecord) values.emplace_back(event.record.value);
    }
  }
  EXPECT_THAT(values, testing::ElementsAre("in doubt"));
  reader->reset();
}

TEST_F(AFailingDisk, ACheckpointAfterHealingHasWhatReadersSaw) {
  ASSERT_TRUE(Append("before").ok());
  disk_->FailNth(Operation::kSync, 1);
  ASSERT_FALSE(Append("in doubt").ok());
  ASSERT_TRUE(BecomesWritable());
  const std::string copy = directory_.path() + "/copy";
  ASSERT_TRUE(log_->Checkpoint(copy).ok());
  const auto values = Values();
  auto opened = embedded::OpenOn({}, {.directory = copy, .read_only = true}, metrics_);
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  log_ = std::move(*opened);
  EXPECT_EQ(Values(), values);
}

TEST_F(AFailingDisk, ARecordOfTooManyHeadersIsRefused) {
  Record record{"key", "value", {}};
  record.headers.resize(900'000);
  std::optional<Result<Offset>> answer;
  log_->Append(kAt, std::move(record), [&](Result<Offset> result) { answer.emplace(result); });
  ASSERT_TRUE(answer && !answer->ok());
  EXPECT_EQ(answer->error().reason(), "record-too-large");
  EXPECT_TRUE(Append("after").ok());
}

TEST_F(AFailingDisk, AFailedWriteIsInDoubtToo) {
  ASSERT_TRUE(Append("before").ok());
  disk_->FailNth(Operation::kWrite, 1);
  const auto offset = Append("in doubt");
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().code(), ErrorCode::kTimeout) << offset.error().ToString();
  ASSERT_TRUE(BecomesWritable());
  ASSERT_TRUE(Append("after").ok());
  EXPECT_THAT(Values(), testing::AnyOf(testing::ElementsAre("before", "after"),
                                       testing::ElementsAre("before", "in doubt", "after")));
}

TEST_F(AFailingDisk, ATopicInDoubtIsThereOrCanBeMadeAgain) {
  disk_->FailNth(Operation::kSync, 1);
  const TopicName topic("parcels");
  const Status made = log_->CreateTopic(topic, 3);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kTimeout);
  ASSERT_TRUE(BecomesWritable());
  const Status again = log_->CreateTopic(topic, 3);
  EXPECT_TRUE(again.ok() || again.error().code() == ErrorCode::kAlreadyExists)
      << again.error().ToString();
  EXPECT_EQ(log_->Describe(topic).value().partitions, 3);
}

TEST_F(AFailingDisk, TheLogKeepsTryingWhileTheDiskFailsAgain) {
  ASSERT_TRUE(Append("before").ok());
  // Healing itself writes and syncs: its first attempts fail as well.
  disk_->FailNth(Operation::kSync, 1, 2);
  ASSERT_FALSE(Append("in doubt").ok());
  ASSERT_TRUE(BecomesWritable());
  ASSERT_TRUE(Append("after").ok());
  EXPECT_EQ(disk_->failures(), 3);
  EXPECT_EQ(Values().back(), "after");
}

TEST_F(AFailingDisk, AnAppendWhileTheLogIsAwaySaysThatNothingWasWritten) {
  disk_->FailNth(Operation::kSync, 1, 3);
  ASSERT_FALSE(Append("in doubt").ok());
  // The first attempt to heal fails too, so the log is away for a while.
  const auto offset = Append("refused");
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().code(), ErrorCode::kUnavailable) << offset.error().ToString();
  ASSERT_TRUE(BecomesWritable());
  EXPECT_THAT(Values(), testing::Not(testing::Contains("refused")));
}

TEST_F(AFailingDisk, AFullOneIsSaidInWordsForClients) {
  disk_->BeFull();
  disk_->FailNth(Operation::kSync, 1, 1'000'000);
  ASSERT_FALSE(Append("in doubt").ok());
  // Until its first attempt to open again has failed.
  ASSERT_TRUE(Becomes("disk-full"));
  const auto offset = Append("refused");
  ASSERT_FALSE(offset.ok());
  EXPECT_EQ(offset.error().reason(), "disk-full") << offset.error().ToString();
  EXPECT_THAT(offset.error().message(), testing::Not(testing::HasSubstr(directory_.path())));
  disk_->FailNth(Operation::kSync, 1'000'000);
  ASSERT_TRUE(BecomesWritable());
  EXPECT_THAT(Values(), testing::Not(testing::Contains("refused")));
}

class AFailureAtAnyOperation : public AFailingDisk,
                               public testing::WithParamInterface<Operation> {};

TEST_P(AFailureAtAnyOperation, LosesNothingAndCallsNothingFailedThatIsThere) {
  std::set<std::string> acknowledged;
  std::set<std::string> refused;
  int in_doubt = 0;
  for (int n = 1; n <= 60; ++n) {
    disk_->FailNth(GetParam(), n % 7 + 1);
    for (int i = 0; i < 8; ++i) {
      const std::string value = std::to_string(n) + "/" + std::to_string(i);
      const auto offset = Append(value);
      if (offset.ok()) {
        acknowledged.insert(value);
      } else if (offset.error().code() == ErrorCode::kTimeout) {
        ++in_doubt;
      } else {
        refused.insert(value);
        ASSERT_TRUE(BecomesWritable()) << n;
      }
    }
    ASSERT_TRUE(BecomesWritable()) << n;
  }
  EXPECT_GE(in_doubt, 30);
  for (int round = 0; round < 2; ++round) {
    const auto values = Values();
    const std::set<std::string> there(values.begin(), values.end());
    EXPECT_EQ(there.size(), values.size()) << "a record is there twice";
    EXPECT_THAT(there, testing::IsSupersetOf(acknowledged));
    for (const std::string& value : refused) EXPECT_FALSE(there.contains(value)) << value;
    disk_->FailNth(GetParam(), 0);
    Reopen();
  }
}

INSTANTIATE_TEST_SUITE_P(Of, AFailureAtAnyOperation,
                         testing::Values(Operation::kWrite, Operation::kSync),
                         [](const testing::TestParamInfo<Operation>& operation) {
                           return operation.param == Operation::kWrite ? "Write" : "Sync";
                         });

}  // namespace
}  // namespace bitacora::event_store
