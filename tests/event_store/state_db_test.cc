#include "src/store/state_db.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "support/faults/failing_file_system.h"
#include "support/faults/held_flush.h"
#include "support/temporary_directory.h"

namespace bitacora::tests {
namespace {

using event_store::FoldBatch;
using event_store::PartitionKey;
using event_store::PartitionState;
using event_store::StateDb;
using event_store::StreamAppend;

constexpr PartitionKey kPartition{1, 0};
const std::string kLogId = "00000000-0000-4000-8000-000000000001";

/// Whether records are copied, and which commits are written at once: none, each, or one in two.
struct Tested {
  bool copies = false;
  int write_each = 0;
};
void PrintTo(const Tested& tested, std::ostream* out) {
  constexpr std::array kWritten{"Unwritten", "Written", "HalfWritten"};
  *out << kWritten[static_cast<std::size_t>(tested.write_each)] << (tested.copies ? "Copies" : "");
}
constexpr std::array kWithCopies{Tested{true, 0}, Tested{true, 1}, Tested{true, 2}};
constexpr std::array kWithoutCopies{Tested{false, 0}, Tested{false, 1}, Tested{false, 2}};

/// The state of one partition, folded from records made here.
class TheState : public testing::TestWithParam<Tested> {
 protected:
  void SetUp() override { Open(); }

  std::string Path() const { return directory_.path() + "/state"; }
  void Open(const std::shared_ptr<rocksdb::FileSystem>& file_system = nullptr) {
    batch_.reset();
    state_.reset();
    auto opened = StateDb::Open(Path(), kLogId, GetParam().copies, file_system);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    state_ = *std::move(opened);
    batch_ = std::make_unique<FoldBatch>(*state_);
  }

  void FoldGenesis() { Fold(MakeGenesis({kLogId, 1, 1})); }

  Verdict FoldAppend(const std::string& stream, const std::string& id, std::uint32_t events = 1,
                     const Expected& expected = {}, std::size_t bytes = 10) {
    Record record = MakeAttempt(StreamName(stream), AppendId(id), expected, events, Fingerprint{});
    record.value = std::string(bytes, 'v');
    return Fold(std::move(record));
  }

  Verdict Fold(Record record) {
    const StoredRecord stored = MakeStoredRecord(folded_.fold.next, 1, std::move(record));
    log_.push_back(stored);
    const auto step = batch_->Fold(kPartition, stored, &folded_);
    EXPECT_TRUE(step.ok() && step->has_value());
    return (*step)->verdict;
  }

  void Commit() {
    batch_->Save(kPartition, folded_);
    EXPECT_TRUE(batch_->Commit().ok());
    const int each = GetParam().write_each;
    if (each > 0 && ++commits_ % each == 0) Write();
  }
  void Write() { EXPECT_TRUE(state_->Write().ok()); }

  std::optional<std::int64_t> Head(const std::string& stream) const {
    const auto head = *state_->Head(kPartition, stream);
    return head ? std::optional(head->value) : std::nullopt;
  }

  /// First versions, as visited.
  std::vector<std::int64_t> Scan(const std::string& stream, const StateDb::StreamScan& scan,
                                 std::size_t at_most = 100) const {
    std::vector<std::int64_t> versions;
    EXPECT_TRUE(state_
                    ->ScanStream(kPartition, stream, scan,
                                 [&](const StreamAppend& append) {
                                   versions.push_back(append.first_version.value);
                                   return versions.size() < at_most;
                                 })
                    .ok());
    return versions;
  }

  /// For copies that are gone.
  StateDb::FromLog FromLog() const {
    return [this](std::span<const Offset> offsets) -> Result<std::vector<StoredRecord>> {
      std::vector<StoredRecord> records;
      for (const Offset offset : offsets) {
        records.push_back(log_[static_cast<std::size_t>(offset.value)]);
      }
      from_log_ += offsets.size();
      return records;
    };
  }

  std::vector<std::int64_t> Admitted(Offset from) const {
    std::vector<std::int64_t> offsets;
    EXPECT_TRUE(state_
                    ->ScanAdmitted(kPartition, from, FromLog(),
                                   [&](const StateDb::Admitted& admitted) {
                                     EXPECT_EQ(admitted.record.has_value(), GetParam().copies);
                                     offsets.push_back(admitted.offset.value);
                                     return true;
                                   })
                    .ok());
    return offsets;
  }

  TemporaryDirectory directory_;
  Metrics metrics_;
  std::unique_ptr<StateDb> state_;
  std::unique_ptr<FoldBatch> batch_;
  PartitionState folded_;
  int commits_ = 0;
  std::vector<StoredRecord> log_;     ///< By offset.
  mutable std::size_t from_log_ = 0;  ///< Records that were asked of it.
};

INSTANTIATE_TEST_SUITE_P(WithCopies, TheState, testing::ValuesIn(kWithCopies),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(WithoutCopies, TheState, testing::ValuesIn(kWithoutCopies),
                         testing::PrintToStringParamName());

TEST_P(TheState, KnowsTheHeadOfEachStream) {
  FoldGenesis();
  FoldAppend("o", "a", 3);
  FoldAppend("o-1", "a");
  Commit();
  FoldAppend("o", "b", 2);
  Commit();
  EXPECT_EQ(Head("o"), 4);
  EXPECT_EQ(Head("o-1"), 0);
  EXPECT_EQ(Head("o-"), std::nullopt);
  Open();
  EXPECT_EQ(Head("o"), 4);
}

TEST_P(TheState, FoldsOnFromTheHeadsItWasClosedWith) {
  FoldGenesis();
  FoldAppend("o", "a", 3);
  Commit();
  Open();
  const Expected at_two{Expected::Kind::kVersion, Version(2)};
  EXPECT_EQ(FoldAppend("o", "b", 1, at_two), Verdict::kAdmitted);
  EXPECT_EQ(FoldAppend("o", "c", 1, at_two), Verdict::kConflict);
  Commit();
  EXPECT_EQ(Head("o"), 3);
}

TEST_P(TheState, VisitsAStreamFromAnyVersionInBothDirections) {
  FoldGenesis();
  for (const char* id : {"a", "b", "c"}) {
    FoldAppend("o", id, 2);
    Commit();
  }
  FoldAppend("p", "a");
  Commit();
  EXPECT_EQ(Scan("o", {}), (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(Scan("o", {Version(3)}), (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(Scan("o", {Version(6)}), (std::vector<std::int64_t>{}));
  EXPECT_EQ(Scan("o", {std::nullopt, true}), (std::vector<std::int64_t>{4, 2, 0}));
  EXPECT_EQ(Scan("o", {Version(3), true}), (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(Scan("o", {Version(9), true}, 1), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(Scan("q", {}), (std::vector<std::int64_t>{}));
}

TEST_P(TheState, RemembersIdsOfItsStreamOnly) {
  FoldGenesis();
  FoldAppend("o", "a");
  Commit();
  EXPECT_TRUE((*state_->FindAppend(kPartition, "o", "a")).has_value());
  EXPECT_FALSE((*state_->FindAppend(kPartition, "oa", "")).has_value());
  EXPECT_FALSE((*state_->FindAppend(kPartition, "p", "a")).has_value());
  EXPECT_EQ(FoldAppend("o", "a"), Verdict::kDuplicate);
  EXPECT_EQ(FoldAppend("p", "a"), Verdict::kAdmitted);
}

TEST_P(TheState, TellsIdsApartThatAreUuidsInOtherLetters) {
  FoldGenesis();
  FoldAppend("o", "01970000-abcd-7000-8000-000000000001");
  Commit();
  EXPECT_EQ(FoldAppend("o", "01970000-abcd-7000-8000-000000000001"), Verdict::kDuplicate);
  for (const char* other :
       {"01970000-ABCD-7000-8000-000000000001", "01970000abcd7000800000000000000100000",
        "01970000-abcd-7000-8000-00000000000", "01970000-abcd-7000-8000-0000000000010"}) {
    EXPECT_EQ(FoldAppend("o", other), Verdict::kAdmitted) << other;
  }
  EXPECT_EQ(FoldAppend("p", "01970000-abcd-7000-8000-000000000001"), Verdict::kAdmitted);
}

TEST_P(TheState, RemembersIdsWhateverTheirTimeIs) {
  FoldGenesis();
  const std::vector<std::string> ids{"01970000-abcd-7001-8000-000000000001",
                                     "01970000-abcd-7000-8000-000000000001",
                                     "ff970000-abcd-4000-8000-000000000001",
                                     "01970000-abcd-7001-8000-000000000002",
                                     "0a-client's-own",
                                     "01960000-abcd-7000-8000-000000000001"};
  for (const std::string& id : ids) EXPECT_EQ(FoldAppend("o", id), Verdict::kAdmitted) << id;
  for (const std::string& id : ids) EXPECT_EQ(FoldAppend("o", id), Verdict::kDuplicate) << id;
  Commit();
  for (const std::string& id : ids) EXPECT_EQ(FoldAppend("o", id), Verdict::kDuplicate) << id;
  Open();
  for (const std::string& id : ids) EXPECT_EQ(FoldAppend("o", id), Verdict::kDuplicate) << id;
  EXPECT_EQ(FoldAppend("o", "01980000-abcd-7000-8000-000000000001"), Verdict::kAdmitted);
  EXPECT_EQ(FoldAppend("o", "01970000-abcd-7002-8000-000000000001"), Verdict::kAdmitted);
  for (const std::string& id : ids) EXPECT_EQ(FoldAppend("p", id), Verdict::kAdmitted) << id;
}

TEST_P(TheState, VisitsAdmittedRecordsFromAnyOffset) {
  FoldGenesis();  // Offset 0.
  FoldAppend("o", "a");
  FoldAppend("o", "b");
  FoldAppend("o", "c", 1, {Expected::Kind::kNew, Version()});  // A conflict.
  FoldAppend("o", "d");
  Commit();
  FoldAppend("o", "e");
  Commit();
  EXPECT_EQ(Admitted(Offset(0)), (std::vector<std::int64_t>{1, 2, 4, 5}));
  EXPECT_EQ(Admitted(Offset(2)), (std::vector<std::int64_t>{2, 4, 5}));
  EXPECT_EQ(Admitted(Offset(3)), (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(Admitted(Offset(6)), (std::vector<std::int64_t>{}));
}

TEST_P(TheState, VisitsRunsOfManyRecordsFromAnyOffset) {
  FoldGenesis();
  for (int i = 1; i <= 300; ++i) FoldAppend("o", std::to_string(i));
  Commit();
  for (int i = 301; i <= 310; ++i) FoldAppend("p", std::to_string(i));
  Commit();
  for (const std::int64_t from : {0, 1, 2, 63, 64, 65, 128, 129, 200, 300, 301, 309, 310}) {
    const auto offsets = Admitted(Offset(from));
    ASSERT_FALSE(offsets.empty()) << from;
    EXPECT_EQ(offsets.front(), std::max<std::int64_t>(1, from));
    EXPECT_EQ(offsets.back(), 310);
    EXPECT_EQ(static_cast<std::int64_t>(offsets.size()), 311 - offsets.front());
  }
}

class TheStateWithCopies : public TheState {};
INSTANTIATE_TEST_SUITE_P(OfRecords, TheStateWithCopies, testing::ValuesIn(kWithCopies),
                         testing::PrintToStringParamName());

TEST_P(TheStateWithCopies, ReadsNothingBeforeWhatIsAskedFor) {
  FoldGenesis();
  for (int i = 0; i < 100; ++i) FoldAppend("o", std::to_string(i), 1, {}, 100);
  Commit();
  Write();
  const Offset from = folded_.fold.next;
  for (int i = 100; i < 110; ++i) FoldAppend("o", std::to_string(i), 1, {}, 100);
  Commit();
  for (const auto& file : std::filesystem::directory_iterator(Path())) {
    if (file.path().extension() == ".copies" && GetParam().write_each == 0) {
      std::filesystem::resize_file(file.path(), 8);  // Of what is before.
    }
  }
  EXPECT_EQ(Admitted(from).size(), 10U);
  EXPECT_EQ(from_log_, 0U);
}

TEST_P(TheStateWithCopies, FindsTheCopyOfEachAppend) {
  FoldGenesis();
  for (int i = 0; i < 200; ++i) {
    FoldAppend(i % 2 == 0 ? "o" : "p", std::to_string(i), 1, {}, i % 50 == 0 ? 100'000 : 700);
  }
  Commit();
  std::vector<event_store::AppendPlace> places;
  ASSERT_TRUE(state_
                  ->ScanStream(kPartition, "p", {},
                               [&](const StreamAppend& append) {
                                 places.push_back(append.place);
                                 return true;
                               })
                  .ok());
  ASSERT_EQ(places.size(), 100U);
  const auto records = state_->CopiedRecords(kPartition, places, FromLog());
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ((*records)[i].offset, places[i].offset);
    EXPECT_EQ((*records)[i].FindHeader(kAppendHeader), std::to_string(2 * i + 1));
  }
}

/// Folded appends with values of many sizes, whose copies are then lost in some way.
class TheCopies : public TheState {
 protected:
  std::filesystem::path File(int number) const {
    return Path() + "/" + std::to_string(number) + ".copies";
  }
  void FoldSome(const std::string& ids) {
    for (int i = 0; i < 60; ++i) {
      FoldAppend("o", ids + std::to_string(i), 1, {}, static_cast<std::size_t>(i) * 97 % 2'500);
      if (i % 7 == 0) Commit();
    }
    Commit();
  }
  void Close() {
    batch_.reset();
    state_.reset();
  }
  /// Reads all, in both ways; what the log was asked for is in from_log_.
  void ExpectAllThere() const {
    from_log_ = 0;
    std::vector<event_store::AppendPlace> places;
    ASSERT_TRUE(state_
                    ->ScanStream(kPartition, "o", {},
                                 [&](const StreamAppend& append) {
                                   places.push_back(append.place);
                                   return true;
                                 })
                    .ok());
    const auto copied = state_->CopiedRecords(kPartition, places, FromLog());
    ASSERT_TRUE(copied.ok()) << copied.error().ToString();
    std::vector<StoredRecord> scanned;
    ASSERT_TRUE(state_
                    ->ScanAdmitted(kPartition, Offset(0), FromLog(),
                                   [&](const StateDb::Admitted& admitted) {
                                     scanned.push_back(admitted.record.value());
                                     return true;
                                   })
                    .ok());
    ASSERT_EQ(copied->size() + 1, log_.size());  // Genesis is no append.
    ASSERT_EQ(scanned.size() + 1, log_.size());
    for (std::size_t i = 0; i < scanned.size(); ++i) {
      for (const StoredRecord& record : {scanned[i], (*copied)[i]}) {
        EXPECT_EQ(record.offset, log_[i + 1].offset);
        EXPECT_EQ(record.value, log_[i + 1].value);
        EXPECT_EQ(record.FindHeader(kAppendHeader), log_[i + 1].FindHeader(kAppendHeader));
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(OfRecords, TheCopies, testing::ValuesIn(kWithCopies),
                         testing::PrintToStringParamName());

TEST_P(TheCopies, AreReadWithoutTheLog) {
  FoldGenesis();
  FoldSome("a");
  ExpectAllThere();
  Open();
  FoldSome("b");
  ExpectAllThere();
  Write();
  EXPECT_TRUE(std::filesystem::exists(File(2)));
  ExpectAllThere();
  EXPECT_EQ(from_log_, 0U);
}

TEST_P(TheCopies, ThatAreMissingComeFromTheLog) {
  FoldGenesis();
  FoldSome("a");
  Close();
  std::filesystem::remove(File(1));
  Open();
  ExpectAllThere();
  EXPECT_EQ(from_log_, 120U);
}

TEST_P(TheCopies, ThatAreCutOrZeroComeFromTheLog) {
  FoldGenesis();
  FoldSome("a");
  Close();
  const auto size = std::filesystem::file_size(File(1));
  std::filesystem::resize_file(File(1), size * 3 / 4);
  std::filesystem::resize_file(File(1), size);
  std::fstream(File(1), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(size / 3))
      .put('\x7f');
  Open();
  ExpectAllThere();
  EXPECT_GT(from_log_, 20U);
  EXPECT_LT(from_log_, 100U);
}

TEST_P(TheCopies, OfAFileThatWasMadeAgainAreNotTakenForOthers) {
  FoldGenesis();
  FoldSome("a");
  Close();
  // A power cut took the file's name, and what rows said of it stayed.
  std::filesystem::remove(File(1));
  Open();
  FoldSome("b");
  EXPECT_FALSE(std::filesystem::exists(File(2)));
  ExpectAllThere();
  EXPECT_EQ(from_log_, 120U);
}

TEST_P(TheCopies, AreNotMadeOfRecordsThatAreTooLarge) {
  FoldGenesis();
  FoldAppend("o", "small", 1, {}, 10);
  FoldAppend("o", "large", 1, {}, 5'000'000);
  FoldAppend("o", "small-again", 1, {}, 10);
  Commit();
  ExpectAllThere();
  Write();
  ExpectAllThere();
  EXPECT_GT(from_log_, 0U);
}

TEST_P(TheState, OfAnotherFormatIsFoldedAnew) {
  FoldGenesis();
  FoldAppend("o", "a");
  Commit();
  batch_.reset();
  state_.reset();
  // As format 1 left it: with a family this one does not have.
  const std::string directory = directory_.path() + "/state";
  std::filesystem::remove_all(directory);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory, &opened).ok());
  const std::unique_ptr<rocksdb::DB> old(opened);
  rocksdb::ColumnFamilyHandle* heads = nullptr;
  ASSERT_TRUE(old->CreateColumnFamily({}, "heads", &heads).ok());
  old->DestroyColumnFamilyHandle(heads);
  old->Close();
  // What a kill left of the last such removal.
  std::filesystem::create_directory(Path() + ".discarded");

  Open();
  EXPECT_FALSE(std::filesystem::exists(Path() + ".discarded"));
  EXPECT_EQ(*state_->LoadPartition(kPartition), PartitionState());
  EXPECT_EQ(Head("o"), std::nullopt);
}

TEST_P(TheState, WhoseFilesAreDamagedIsFoldedAnew) {
  FoldGenesis();
  FoldAppend("o-1", "a");
  Commit();
  batch_.reset();
  state_.reset();
  for (const auto& file : std::filesystem::directory_iterator(Path())) {
    if (!file.path().filename().string().starts_with("MANIFEST-")) continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.file_size() / 3));
    bytes << std::string(file.file_size() / 3, '\0');
  }
  Open();
  EXPECT_EQ(Head("o-1"), std::nullopt);
  EXPECT_EQ(state_->LoadPartition(kPartition).value().fold.next, Offset(0));
  EXPECT_FALSE(std::filesystem::exists(Path() + ".discarded")) << "removed by the same start";
}

TEST_P(TheState, IsAPrefixWhereAPowerCutTookALogAndLeftTheNext) {
  const auto disk = std::make_shared<HeldFlush>();
  Open(disk);
  disk->Hold();
  FoldGenesis();
  while (LogsIn(Path()).size() < 2) {
    for (int i = 0; i < 100; ++i) {
      FoldAppend("s", std::to_string(folded_.fold.next.value), 1, {}, 1000);
    }
    Commit();
    Write();
  }
  const std::string cut = directory_.path() + "/cut";
  CopyWithShortLog(Path(), cut, 0);
  disk->Release();
  batch_.reset();
  state_.reset();
  std::filesystem::remove_all(Path());
  std::filesystem::rename(cut, Path());
  Open();
  EXPECT_EQ(*state_->LoadPartition(kPartition), PartitionState());
  EXPECT_TRUE(Admitted(Offset(0)).empty());
}

TEST_P(TheState, IsAWhileOlderAfterAKill) {
  FoldGenesis();
  FoldAppend("o", "a", 2);
  Commit();
  Write();
  const PartitionState written = folded_;
  FoldAppend("o", "b");
  batch_->Save(kPartition, folded_);
  ASSERT_TRUE(batch_->Commit().ok());
  EXPECT_EQ(Head("o"), 2);
  EXPECT_EQ(*state_->LoadPartition(kPartition), folded_);

  const std::string killed = directory_.path() + "/killed";
  std::filesystem::copy(Path(), killed);
  batch_.reset();
  state_.reset();
  std::filesystem::remove_all(Path());
  std::filesystem::rename(killed, Path());
  Open();
  EXPECT_EQ(*state_->LoadPartition(kPartition), written);
  EXPECT_EQ(Head("o"), 1);
  folded_ = written;
  EXPECT_EQ(FoldAppend("o", "a", 2), Verdict::kDuplicate);
  EXPECT_EQ(FoldAppend("o", "b"), Verdict::kAdmitted);
}

TEST_P(TheState, IsNeverMuchOlderAfterAKill) {
  FoldGenesis();
  constexpr int kBatches = 30;
  for (int i = 0; i < kBatches * 1'000; ++i) {
    FoldAppend("o", std::to_string(i));
    if (i % 1'000 != 999) continue;
    batch_->Save(kPartition, folded_);
    ASSERT_TRUE(batch_->Commit().ok());
  }
  const std::string killed = directory_.path() + "/killed";
  std::filesystem::copy(Path(), killed);
  const auto state = StateDb::Open(killed, kLogId, GetParam().copies);
  ASSERT_TRUE(state.ok());
  EXPECT_GE((*state)->LoadPartition(kPartition)->fold.events, (kBatches - 6) * 1'000);
}

TEST_P(TheState, ThatCannotBeWrittenStaysAsItIsAndTakesNoMore) {
  const auto disk = std::make_shared<FailingFileSystem>();
  Open(disk);
  FoldGenesis();
  FoldAppend("o", "a", 2);
  batch_->Save(kPartition, folded_);
  ASSERT_TRUE(batch_->Commit().ok());
  disk->FailNth(FailingFileSystem::Operation::kWrite, 1, 1000);
  EXPECT_FALSE(state_->Write().ok());
  EXPECT_EQ(state_->Written().error().reason(), "state-unavailable");
  EXPECT_EQ(Head("o"), 1);
  EXPECT_EQ(Admitted(Offset(0)), (std::vector<std::int64_t>{1}));

  FoldAppend("o", "b");
  batch_->Save(kPartition, folded_);
  EXPECT_EQ(batch_->Commit().error().reason(), "state-unavailable");
  EXPECT_EQ(Head("o"), 1);
  EXPECT_FALSE(state_->FindAppend(kPartition, "o", "b")->has_value());
}

TEST_P(TheState, ThatCannotBeWrittenShowsWhatWasCommitted) {
  const auto disk = std::make_shared<FailingFileSystem>();
  Open(disk);
  FoldGenesis();
  disk->FailNth(FailingFileSystem::Operation::kWrite, 1, 1000);
  for (int i = 0; i < 5'000; ++i) FoldAppend("o", std::to_string(i));
  batch_->Save(kPartition, folded_);
  EXPECT_TRUE(batch_->Commit().ok()) << "more waits than is good, and is written at once";
  EXPECT_FALSE(state_->Written().ok());
  EXPECT_EQ(Head("o"), 4'999);
  batch_->Save(kPartition, folded_);
  EXPECT_FALSE(batch_->Commit().ok());
}

TEST_P(TheState, ThatCannotBeReadMovesNoFold) {
  FoldGenesis();
  FoldAppend("o", "a");
  FoldAppend("p", "a");
  Commit();
  batch_.reset();
  state_.reset();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "appends", "places", "admitted"})
    families.push_back({name, {}});
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open({}, Path(), families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> rows(opened);
  const std::string place = event_store::StreamPrefix(kPartition, "o") + std::string(8, '\0');
  EXPECT_TRUE(rows->Put({}, handles[2], place, "\xff").ok());
  for (rocksdb::ColumnFamilyHandle* handle : handles) rows->DestroyColumnFamilyHandle(handle);
  rows->Close();

  Open();
  EXPECT_EQ(FoldAppend("p", "b"), Verdict::kAdmitted);
  const PartitionState before = folded_;
  const StoredRecord unreadable = MakeStoredRecord(
      folded_.fold.next, 1, MakeAttempt(StreamName("o"), AppendId("b"), {}, 1, Fingerprint{}));
  EXPECT_EQ(batch_->Fold(kPartition, unreadable, &folded_).error().reason(), "state-damaged");
  EXPECT_EQ(folded_, before);
  EXPECT_EQ(FoldAppend("p", "c"), Verdict::kAdmitted) << "another failure is not that one";
}

TEST_P(TheState, IsWrittenByItselfBehindItsCommits) {
  state_->WriteBehind(metrics_.GetGauge("bitacora_waiting_records", "For the test."));
  FoldGenesis();
  FoldAppend("o", "a");
  Commit();
  const auto bytes_of_logs = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& log : LogsIn(Path())) bytes += std::filesystem::file_size(log);
    return bytes;
  };
  for (int round = 0; round < 3; ++round) {
    const std::uintmax_t before = bytes_of_logs();
    FoldAppend("o", "b" + std::to_string(round));
    batch_->Save(kPartition, folded_);
    ASSERT_TRUE(batch_->Commit().ok());
    while (bytes_of_logs() == before) std::this_thread::yield();
  }
  EXPECT_EQ(Head("o"), 3);
}

TEST_P(TheState, OfMuchMoreThanIsGatheredIsReadAsOne) {
  FoldGenesis();
  for (int i = 0; i < 20'000; ++i) {
    FoldAppend(i % 2 == 0 ? "o" : "p" + std::to_string(i % 977), std::to_string(i));
    if (i % 1'000 == 0) Commit();
  }
  Commit();
  EXPECT_EQ(Head("o"), 9'999);
  EXPECT_EQ(Scan("o", {}, 20'000).size(), 10'000U);
  EXPECT_EQ(Scan("o", {std::nullopt, true}, 20'000).size(), 10'000U);
  const auto offsets = Admitted(Offset(0));
  ASSERT_EQ(offsets.size(), 20'000U);
  EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
}

/// Reads while another thread folds and writes: what it sees has no holes, and never goes back.
TEST_P(TheState, IsReadWhileItIsFoldedAndWritten) {
  FoldGenesis();
  FoldAppend("o", "first");
  Commit();
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    std::size_t seen = 0;
    while (!done) {
      const auto head = Head("o");
      const auto forwards = Scan("o", {}, 10'000);
      const auto backwards = Scan("o", {std::nullopt, true}, 10'000);
      const auto offsets = Admitted(Offset(0));
      EXPECT_GE(forwards.size(), seen);
      EXPECT_GE(forwards.size(), static_cast<std::size_t>(*head) + 1);
      EXPECT_GE(backwards.size(), forwards.size());
      EXPECT_GE(offsets.size(), backwards.size());
      for (std::size_t i = 0; i < forwards.size(); ++i) {
        ASSERT_EQ(forwards[i], static_cast<std::int64_t>(i));
      }
      for (std::size_t i = 0; i < offsets.size(); ++i) {
        ASSERT_EQ(offsets[i], static_cast<std::int64_t>(i) + 1);
      }
      EXPECT_TRUE(state_->FindAppend(kPartition, "o", "first")->has_value());
      seen = forwards.size();
    }
  });
  for (int i = 0; i < 1'000; ++i) {
    FoldAppend("o", std::to_string(i));
    if (i % 3 == 0) Commit();
    if (i % 100 == 0) Write();
  }
  Commit();
  done = true;
}

}  // namespace
}  // namespace bitacora::tests
