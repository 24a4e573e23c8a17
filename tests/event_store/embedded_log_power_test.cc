// The embedded log on a disk whose power goes at any call: what was acknowledged is there again.
#include <algorithm>
#include <cstdlib>
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

#include "src/embedded/storage.h"
#include "src/record_codec.h"
#include "support/faults/power_cut_file_system.h"
#include "support/seed.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store::embedded {
namespace {

using bitacora::testing::Below;
using bitacora::testing::TestSeed;

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
    KeepSyncedWitness();
    return {};
  }
  void Close() { storage_.reset(); }
  /// The power took the notes back that the witness got since it was synced.
  void LoseNotes() const {
    if (!synced_witness_.empty()) {
      std::ofstream(directory_ + "/WITNESS", std::ios::binary) << synced_witness_;
    }
  }

  Status MakeTopic() {
    const auto number = static_cast<std::uint32_t>(storage_->contents().topics.size() + 1);
    BITACORA_RETURN_IF_ERROR(storage_->Write(
        TopicRow{TopicName("t" + std::to_string(number)), TopicNumber(number), 2, "inc"}));
    KeepSyncedWitness();
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
    KeepSyncedWitness();
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
  /// The storage syncs it when it begins a segment.
  void KeepSyncedWitness() {
    const SegmentNumber segment = storage_->testimony().segment;
    if (segment == synced_at_) return;
    synced_at_ = segment;
    std::ifstream in(directory_ + "/WITNESS", std::ios::binary);
    synced_witness_.assign(std::istreambuf_iterator<char>(in), {});
  }

  const std::string directory_;
  const std::shared_ptr<tests::PowerCutFileSystem> disk_;
  SegmentNumber synced_at_;
  std::string synced_witness_;
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

TEST(ALogWhosePowerGoes, HasAllThatWasAcknowledgedAndNothingElse) {
  const char* const given = std::getenv("BITACORA_TEST_POWER_CUTS");
  const int cuts = given == nullptr ? 150 : std::atoi(given);
  std::mt19937_64 random(TestSeed());
  tests::TemporaryDirectory directory;
  const auto disk = std::make_shared<tests::PowerCutFileSystem>();
  AStorage log(directory.path() + "/log", disk);
  std::map<PartitionId, std::vector<std::string>> acknowledged;
  std::map<PartitionId, std::vector<std::string>> in_doubt;
  std::size_t topics = 0;
  int n = 0;
  int opened_again = 0;
  for (int cut = 0; cut < cuts; ++cut) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    // Opening writes too: the power may go there.
    disk->CutAt(static_cast<std::int64_t>(1 + Below(random, 40)));
    Status running = log.Open();
    if (!running.ok()) {
      EXPECT_EQ(running.error().code(), ErrorCode::kUnavailable) << running.error().ToString();
    }
    in_doubt.clear();
    while (running.ok()) {
      if (log.topics() == 0 || Below(random, 12) == 0) {
        running = log.MakeTopic();
        if (running.ok()) ++topics;
        continue;
      }
      const PartitionId at{TopicNumber(static_cast<std::uint32_t>(1 + Below(random, log.topics()))),
                           Partition(static_cast<std::int32_t>(Below(random, 2)))};
      std::vector<std::string> values;
      std::vector<std::string> bodies;
      for (std::size_t i = 0; i <= Below(random, 4); ++i) {
        values.push_back(std::to_string(++n) + std::string(Below(random, 300), 'x'));
        bodies.push_back(BodyOf(values.back()));
      }
      running = log.Append(at, bodies);
      auto& into = running.ok() ? acknowledged[at] : in_doubt[at];
      into.insert(into.end(), values.begin(), values.end());
    }
    log.Close();
    disk->ComeBack(random());
    if (Below(random, 2) == 0) log.LoseNotes();

    const Status opened = log.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    ++opened_again;
    EXPECT_GE(log.topics(), topics);
    topics = log.topics();
    for (std::uint32_t topic = 1; topic <= topics; ++topic) {
      for (std::int32_t partition = 0; partition < 2; ++partition) {
        const PartitionId at{TopicNumber(topic), Partition(partition)};
        const std::vector<std::string> values = ValuesOf(log, at);
        std::vector<std::string>& known = acknowledged[at];
        ASSERT_GE(values.size(), known.size());
        ASSERT_TRUE(std::equal(known.begin(), known.end(), values.begin()));
        // The rest is a first part of what was in doubt.
        const std::vector<std::string> rest(
            values.begin() + static_cast<std::ptrdiff_t>(known.size()), values.end());
        const auto& doubt = in_doubt[at];
        ASSERT_LE(rest.size(), doubt.size());
        ASSERT_TRUE(std::equal(rest.begin(), rest.end(), doubt.begin()));
        known = values;  // It was read, so it stays.
      }
    }
    log.Close();
  }
  EXPECT_EQ(opened_again, cuts);
  EXPECT_GT(topics, 1U);
}

}  // namespace
}  // namespace bitacora::event_store::embedded
