// The embedded log on a disk whose power goes at any call, or whose process is killed there: what
// was acknowledged or shown is there again.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/embedded/storage.h"
#include "src/record_codec.h"
#include "support/faults/power_cut_file_system.h"
#include "support/seed.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store::embedded {
namespace {

using bitacora::testing::Below;
using bitacora::testing::TestSeed;

std::string BytesOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What is on the disk of the witness, whose power goes with that of the other files.
class SyncedWitness {
 public:
  SyncedWitness(std::string path, tests::PowerCutFileSystem& disk)
      : path_(std::move(path)), disk_(disk) {}

  /// Syncs fail, one of `n`; 0: none.
  void FailOneOf(std::size_t n, std::uint64_t seed) {
    fail_one_of_ = n;
    random_.seed(seed);
  }
  bool Is(int descriptor) const {
    std::error_code error;
    const auto file =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
    return !error && file.string().starts_with(path_);
  }
  int Sync() {
    if (!disk_.Count() || (fail_one_of_ > 0 && Below(random_, fail_one_of_) == 0)) {
      errno = EIO;
      return -1;
    }
    // It is made under another name.
    const std::string made = path_ + ".new";
    synced_ = BytesOf(std::filesystem::exists(made) ? made : path_);
    return 0;
  }
  /// The power took what was not synced, of each slot for itself.
  void LoseNotes(std::uint64_t seed) {
    if (!std::filesystem::exists(path_)) return;
    std::mt19937_64 random(seed);
    std::string left = BytesOf(path_);
    for (const std::size_t slot : {0, 4096}) {
      if (Below(random, 3) > 0) left.replace(slot, 4096, synced_, slot, 4096);
    }
    std::ofstream(path_, std::ios::binary) << left;
    synced_ = left;
  }

 private:
  const std::string path_;
  tests::PowerCutFileSystem& disk_;
  std::size_t fail_one_of_ = 0;
  std::mt19937_64 random_;
  std::string synced_;
};
SyncedWitness* the_witness = nullptr;

/// A storage, written as the writer does, on one thread: so a seed repeats what happens.
class AStorage {
 public:
  AStorage(std::string directory, std::shared_ptr<tests::PowerCutFileSystem> disk)
      : directory_(std::move(directory)), disk_(std::move(disk)) {}

  Status Open() {
    storage_.reset();
    auto opened = Storage::Open({.directory = directory_,
                                 .read_only = false,
                                 .sync = true,
                                 .file_system = disk_,
                                 .segment_bytes = 2000});
    if (!opened.ok()) return opened.error();
    storage_ = std::move(*opened);
    return {};
  }
  void Close() { storage_.reset(); }
  bool is_open() const { return storage_ != nullptr; }

  Status MakeTopic() {
    const auto number = static_cast<std::uint32_t>(storage_->contents().topics.size() + 1);
    BITACORA_RETURN_IF_ERROR(storage_->Write(
        TopicRow{TopicName("t" + std::to_string(number)), TopicNumber(number), 2, "inc"}));
    return storage_->witness().Note(storage_->testimony());
  }
  /// A group of `bodies`, to one partition.
  Status Append(const PartitionId& at, const std::vector<std::string>& bodies) {
    std::vector<RecordRow> rows;
    Offset next = End(at);
    for (const std::string& body : bodies) {
      rows.push_back({at, next, 1000, 1000, body});
      next = next.Next();
    }
    BITACORA_RETURN_IF_ERROR(storage_->Write(rows));
    return storage_->witness().Note(storage_->testimony());
  }
  Offset End(const PartitionId& at) const {
    return storage_->contents()
        .topics[at.topic.value - 1]
        .heads[static_cast<std::size_t>(at.partition.value)]
        .end;
  }
  std::size_t topics() const { return storage_->contents().topics.size(); }
  const Storage& storage() const { return *storage_; }

 private:
  const std::string directory_;
  const std::shared_ptr<tests::PowerCutFileSystem> disk_;
  std::unique_ptr<Storage> storage_;
};

std::string BodyOf(const std::string& value) { return EncodeBody({"key", value, {}}); }

/// All values of a partition, read in ways a page and a stream do.
std::vector<std::string> ValuesOf(const AStorage& log, const PartitionId& at) {
  std::vector<StoredRecord> records;
  const Offset end = log.End(at);
  EXPECT_TRUE(log.storage().Read(at, Offset(0), end, {SIZE_MAX, SIZE_MAX}, &records).ok());
  std::vector<Offset> offsets;
  for (Offset o(0); o < end; o = o.Next()) offsets.push_back(o);
  std::vector<StoredRecord> each;
  EXPECT_TRUE(log.storage().ReadEach(at, offsets, &each).ok());
  EXPECT_EQ(records.size(), each.size());
  std::vector<std::string> values;
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].value, each[i].value);
    values.emplace_back(records[i].value);
  }
  return values;
}

using Values = std::map<PartitionId, std::vector<std::string>>;

/// Writes until the power goes, and looks what is there again.
class ALogWhosePowerGoes : public ::testing::Test {
 protected:
  ALogWhosePowerGoes() { the_witness = &witness_; }
  ~ALogWhosePowerGoes() override { the_witness = nullptr; }

  void WriteUntilCut() {
    Status running = log_.Open();
    if (!running.ok()) {
      ASSERT_EQ(running.error().code(), ErrorCode::kUnavailable) << running.error().ToString();
      return;
    }
    ASSERT_NO_FATAL_FAILURE(Compare());
    while (running.ok()) {
      running = Below(random_, 12) == 0 || log_.topics() == 0 ? MakeTopic() : Append();
    }
  }
  Status MakeTopic() {
    const Status made = log_.MakeTopic();
    if (made.ok()) ++topics_;
    return made;
  }
  Status Append() {
    const PartitionId at{TopicNumber(static_cast<std::uint32_t>(1 + Below(random_, log_.topics()))),
                         Partition(static_cast<std::int32_t>(Below(random_, 2)))};
    std::vector<std::string> values;
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i <= Below(random_, 4); ++i) {
      values.push_back(std::to_string(++number_) + std::string(Below(random_, 300), 'x'));
      bodies.push_back(BodyOf(values.back()));
    }
    const Status appended = log_.Append(at, bodies);
    auto& into = appended.ok() ? there_[at] : in_doubt_[at];
    into.insert(into.end(), values.begin(), values.end());
    return appended;
  }

  /// All that was acknowledged or shown is there, and behind it a first part of what was in doubt:
  /// that counts as shown from now on.
  void Compare() {
    ASSERT_GE(log_.topics(), topics_);
    topics_ = log_.topics();
    for (std::uint32_t topic = 1; topic <= topics_; ++topic) {
      for (const std::int32_t partition : {0, 1}) {
        const PartitionId at{TopicNumber(topic), Partition(partition)};
        std::vector<std::string> values = ValuesOf(log_, at);
        std::vector<std::string>& known = there_[at];
        ASSERT_GE(values.size(), known.size());
        ASSERT_TRUE(std::equal(known.begin(), known.end(), values.begin()));
        const auto rest = values.begin() + static_cast<std::ptrdiff_t>(known.size());
        const std::vector<std::string>& doubt = in_doubt_[at];
        ASSERT_LE(values.size() - known.size(), doubt.size());
        ASSERT_TRUE(std::equal(rest, values.end(), doubt.begin()));
        known = std::move(values);
      }
    }
    in_doubt_.clear();
  }

  std::mt19937_64 random_{TestSeed()};
  tests::TemporaryDirectory directory_;
  const std::shared_ptr<tests::PowerCutFileSystem> disk_ =
      std::make_shared<tests::PowerCutFileSystem>();
  SyncedWitness witness_{directory_.path() + "/log/WITNESS", *disk_};
  AStorage log_{directory_.path() + "/log", disk_};
  Values there_;
  Values in_doubt_;
  std::size_t topics_ = 0;
  int number_ = 0;
};

TEST_F(ALogWhosePowerGoes, HasAllThatWasAcknowledgedAndNothingElse) {
  const char* const given = std::getenv("BITACORA_TEST_POWER_CUTS");
  const int cuts = given == nullptr ? 150 : std::atoi(given);
  for (int cut = 0; cut < cuts; ++cut) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    // Opening writes too: the power may go there.
    disk_->CutAt(static_cast<std::int64_t>(1 + Below(random_, 30)));
    witness_.FailOneOf(Below(random_, 2) * 4, random_());
    ASSERT_NO_FATAL_FAILURE(WriteUntilCut());
    log_.Close();
    witness_.FailOneOf(0, 0);
    if (Below(random_, 2) == 0) {
      disk_->Survive();
    } else {
      disk_->ComeBack(random_());
      witness_.LoseNotes(random_());
    }
    // Else the next life begins with a cut as well.
    if (Below(random_, 2) == 0) {
      const Status opened = log_.Open();
      ASSERT_TRUE(opened.ok()) << opened.error().ToString();
      ASSERT_NO_FATAL_FAILURE(Compare());
      log_.Close();
    }
  }
  EXPECT_GT(topics_, 1U);
}

}  // namespace
}  // namespace bitacora::event_store::embedded

/// The witness is written by calls of its own.
extern "C" int fdatasync(int descriptor) {
  using bitacora::event_store::embedded::the_witness;
  if (the_witness != nullptr && the_witness->Is(descriptor)) return the_witness->Sync();
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}
