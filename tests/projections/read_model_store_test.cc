#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "projections/read_models_fixture.h"
#include "support/faults/failing_file_system.h"

namespace bitacora::projections {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OpeningAModel : public ReadModelStoreTest {};

TEST_F(OpeningAModel, BeginsEmpty) {
  const Model model = MakeModel(2);
  EXPECT_EQ(model.name, "orders.latest");
  EXPECT_EQ(StateOf(model, 1), PartitionState());
  EXPECT_EQ(Get(model, "a"), std::nullopt);
}

TEST_F(OpeningAModel, FindsItAgainAfterAStart) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  Reopen();
  const Model again = MakeModel();
  EXPECT_EQ(again.number, model.number);
  EXPECT_EQ(again.identity, model.identity);
  EXPECT_EQ(Get(again, "a"), "1");
}

TEST_F(OpeningAModel, OfAnotherIdentityBeginsAnewInItsPlace) {
  const Model first = MakeModel();
  Commit(first, 0, {{"a", "1"}});
  for (const ModelIdentity& other :
       {ModelIdentity{"log-2", "latest/1", 1, true}, ModelIdentity{"log-2", "latest/2", 1, true},
        ModelIdentity{"log-2", "latest/2", 2, true},
        ModelIdentity{"log-2", "latest/2", 2, false}}) {
    const Model before = store_->FindModel("orders.latest").value().value();
    const Model model = store_->OpenModel("orders.latest", other).value();
    EXPECT_NE(model.number, before.number);
    EXPECT_EQ(Get(model, "a"), std::nullopt);
    EXPECT_EQ(StateOf(model, 0), PartitionState());
    EXPECT_EQ(Get(before, "a"), std::nullopt) << "the old documents are still there";
    Commit(model, 0, {{"a", "1"}});
  }
}

TEST_F(OpeningAModel, NeverUsesANumberAgain) {
  const Model first = MakeModel();
  ASSERT_TRUE(store_->DropModel("orders.latest").ok());
  Reopen();
  EXPECT_GT(MakeModel().number, first.number);
}

TEST_F(OpeningAModel, ListsThemByName) {
  MakeModel(1, true, "b.latest");
  MakeModel(3, false, "a.latest");
  const auto models = store_->Models().value();
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].name, "a.latest");
  EXPECT_EQ(models[0].identity, Identity(3, false));
  EXPECT_EQ(models[1].name, "b.latest");
  EXPECT_EQ(store_->FindModel("c.latest").value(), std::nullopt);
}

TEST_F(OpeningAModel, FindsItAgainAfterAKill) {
  const Model model = MakeModel();
  Kill();
  EXPECT_EQ(store_->Models().value().size(), 1U);
  EXPECT_EQ(MakeModel().number, model.number);
}

class LookingForADocument : public ReadModelStoreTest {};

TEST_F(LookingForADocument, InMemoryFindsWhatIsThere) {
  const Model model = MakeModel(3, false);
  Commit(model, 2, {{"a", "1"}});
  const auto found = store_->TryGet(model, "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value(), "1");
  const auto none = store_->TryGet(model, "b");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->value(), std::nullopt);
}

TEST_F(LookingForADocument, InMemoryDoesNotReadTheDisk) {
  const Model model = MakeModel();
  const std::string large(10'000, 'v');
  Commit(model, 0, {{"a", large}, {"b", large}, {"c", large}});
  Reopen();  // It looks at the first one.
  EXPECT_FALSE(store_->TryGet(model, "b"));
  EXPECT_EQ(Get(model, "b"), large);
  const auto found = store_->TryGet(model, "b");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value(), large);
}

TEST_F(LookingForADocument, FindsTheLastChangeWhetherItIsKeptOrNot) {
  const Model model = MakeModel();
  const std::string large(5'000, 'x');
  for (const std::optional<std::string>& value :
       std::vector<std::optional<std::string>>{"1", "2", large, std::nullopt, large, "3"}) {
    Commit(model, 0, {{"a", value}, {"b", "b"}});
    EXPECT_EQ(Get(model, "a"), value);
    EXPECT_EQ(Get(model, "b"), "b");
  }
  Reopen();
  EXPECT_EQ(Get(model, "a"), "3");
}

TEST_F(LookingForADocument, FindsMoreThanIsKept) {
  const Model model = MakeModel();
  const std::string value(4'000, 'x');
  constexpr int kDocuments = 12'000;  // 48 MB
  for (int i = 0; i < kDocuments; i += 1'000) {
    Changes changes;
    for (int j = i; j < i + 1'000; ++j) changes.emplace_back(std::to_string(j), value);
    Commit(model, 0, changes);
  }
  for (int i = 0; i < kDocuments; i += 100) EXPECT_EQ(Get(model, std::to_string(i)), value) << i;
}

class DroppingAModel : public ReadModelStoreTest {};

TEST_F(DroppingAModel, RemovesItWithItsDocumentsAndNothingElse) {
  const Model model = MakeModel();
  const Model other = MakeModel(1, true, "other.latest");
  Commit(model, 0, {{"a", "1"}});
  Commit(other, 0, {{"a", "2"}});
  ASSERT_TRUE(store_->DropModel("orders.latest").ok());
  EXPECT_EQ(store_->FindModel("orders.latest").value(), std::nullopt);
  EXPECT_EQ(Get(model, "a"), std::nullopt);
  EXPECT_EQ(StateOf(model, 0), PartitionState());
  EXPECT_EQ(Get(other, "a"), "2");
}

TEST_F(DroppingAModel, ThatIsNotThereIsNoError) {
  EXPECT_TRUE(store_->DropModel("orders.latest").ok());
}

TEST_F(DroppingAModel, LeavesNothingOfABatchThatCameTooLateAfterAStart) {
  const Model model = MakeModel();
  const Model other = MakeModel(1, true, "other.latest");
  Commit(other, 0, {{"a", "2"}});
  ASSERT_TRUE(store_->DropModel("orders.latest").ok());
  Commit(model, 0, {{"a", "late"}});
  EXPECT_EQ(Get(model, "a"), "late");
  Reopen();
  EXPECT_EQ(Get(model, "a"), std::nullopt);
  EXPECT_EQ(StateOf(model, 0), PartitionState());
  EXPECT_EQ(Get(other, "a"), "2");
}

class ResettingAPartition : public ReadModelStoreTest {};

TEST_F(ResettingAPartition, EmptiesItAndLeavesTheOthers) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"a", "1"}});
  Commit(model, 1, {{"b", "1"}});
  const PartitionState other = StateOf(model, 1);
  ASSERT_TRUE(store_->ResetPartition(model, Partition(0), Offset(40)).ok());
  PartitionState begun;
  begun.first = begun.next = Offset(40);
  EXPECT_EQ(StateOf(model, 0), begun);
  EXPECT_EQ(StateOf(model, 1), other);
  EXPECT_THAT(List(model).values, ElementsAre("1"));
}

TEST_F(ResettingAPartition, LetsItBeFilledAgain) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}, {"b", "1"}});
  ASSERT_TRUE(store_->ResetPartition(model, Partition(0), Offset(40)).ok());
  Commit(model, 0, {{"b", "2"}});
  Reopen();
  EXPECT_THAT(List(model).values, ElementsAre("2"));
  EXPECT_EQ(StateOf(model, 0).documents, 1);
}

TEST_F(ResettingAPartition, ForgetsDocumentsThatWereJustWritten) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  ASSERT_EQ(Get(model, "a"), "1");
  ASSERT_TRUE(store_->ResetPartition(model, Partition(0), Offset(40)).ok());
  EXPECT_EQ(Get(model, "a"), std::nullopt);
}

class ASnapshotOfAModel : public ReadModelStoreTest {};

TEST_F(ASnapshotOfAModel, ShowsStateAndRowsOfOneMoment) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}, {"b", "1"}});
  const PartitionState before = StateOf(model, 0);
  const auto snapshot = store_->Snapshot(model);
  Commit(model, 0, {{"a", "2"}, {"b", std::nullopt}, {"c", "1"}});
  EXPECT_EQ(snapshot->State(Partition(0)).value(), before);
  const auto rows = RowsOf(*snapshot, 0);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.at("a").value, "1");
  EXPECT_EQ(rows.at("b").value, "1");
}

TEST_F(ASnapshotOfAModel, OutlivesTheModel) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  const auto snapshot = store_->Snapshot(model);
  ASSERT_TRUE(store_->DropModel("orders.latest").ok());
  EXPECT_EQ(RowsOf(*snapshot, 0).size(), 1U);
}

TEST_F(ASnapshotOfAModel, HasADigestOfExactlyItsRows) {
  const Model model = MakeModel(2);
  for (int i = 0; i < 50; ++i) {
    Commit(model, i % 2, {{"k" + std::to_string(i % 7), std::to_string(i)}});
  }
  const auto snapshot = store_->Snapshot(model);
  for (const std::int32_t partition : {0, 1}) {
    Digest digest;
    const auto rows = RowsOf(*snapshot, partition);
    for (const auto& [key, row] : rows) digest.Add(HashDocument("latest/1", key, row.value));
    EXPECT_EQ(snapshot->State(Partition(partition)).value().digest, digest);
    EXPECT_EQ(snapshot->State(Partition(partition)).value().documents,
              static_cast<std::int64_t>(rows.size()));
  }
}

TEST_F(ASnapshotOfAModel, WalksOnePartitionInTheOrderOfKeyBytes) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"b", "1"}, {"\xFF", "1"}, {"", "1"}, {"a", "1"}});
  Commit(model, 1, {{"aa", "1"}});
  std::vector<std::string> keys;
  const auto snapshot = store_->Snapshot(model);
  const auto rows = snapshot->RowsOf(Partition(0));
  for (auto row = rows->Next(); row.ok() && *row; row = rows->Next()) keys.push_back((*row)->key);
  EXPECT_THAT(keys, ElementsAre("", "a", "b", "\xFF"));
}

class AStoreThatIsOpen : public ReadModelStoreTest {};

TEST_F(AStoreThatIsOpen, IsRefusedToASecondOne) {
  const auto second = ReadModelStore::Open({directory_.path()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kPermissionDenied);
}

class AStoreThatIsReadOnly : public ReadModelStoreTest {
 protected:
  Result<std::unique_ptr<ReadModelStore>> OpenReadOnly() {
    store_.reset();
    return ReadModelStore::Open({.directory = directory_.path(), .read_only = true});
  }
};

TEST_F(AStoreThatIsReadOnly, AnswersAsBefore) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  auto opened = OpenReadOnly();
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  store_ = std::move(*opened);
  EXPECT_EQ(MakeModel().number, model.number);
  EXPECT_EQ(Get(model, "a"), "1");
  EXPECT_THAT(List(model).values, ElementsAre("1"));
  EXPECT_EQ(RowsOf(*store_->Snapshot(model), 0).size(), 1U);
}

TEST_F(AStoreThatIsReadOnly, RefusesEveryChange) {
  const Model model = MakeModel();
  auto opened = OpenReadOnly();
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_FALSE((*opened)->OpenModel("other.latest", Identity(1)).ok());
  EXPECT_FALSE((*opened)->DropModel("orders.latest").ok());
  EXPECT_FALSE((*opened)->ResetPartition(model, Partition(0), Offset(1)).ok());
}

TEST_F(AStoreThatIsReadOnly, IsNotMadeWhereThereIsNone) {
  const std::string nowhere = directory_.path() + "/none";
  const auto opened = ReadModelStore::Open({.directory = nowhere, .read_only = true});
  EXPECT_FALSE(opened.ok());
  EXPECT_FALSE(std::filesystem::exists(nowhere));
}

class AStoreThatIsKilled : public ReadModelStoreTest {};

TEST_F(AStoreThatIsKilled, IsWhatItWasWhenItsLastFileWasWritten) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}, {"b", "1"}});
  const PartitionState written = StateOf(model, 0);
  ASSERT_TRUE(store_->Flush().ok());
  Commit(model, 0, {{"a", "2"}, {"b", std::nullopt}, {"c", "2"}});
  Kill();
  EXPECT_EQ(StateOf(model, 0), written);
  EXPECT_EQ(Get(model, "a"), "1");
  EXPECT_EQ(Get(model, "b"), "1");
  EXPECT_EQ(Get(model, "c"), std::nullopt);
}

TEST_F(AStoreThatIsKilled, HasAFileOfWhatWasFoldedLongAgo) {
  const Model model = MakeModel();
  DocumentBatch batch(*store_, model, Partition(0));
  PartitionState state;
  // One document, again and again: it alone would never fill the memory there is for rows.
  for (int i = 0; i < 10; ++i) {
    state.records += 100'000;
    batch.Put("a", "1", Cause(state.records));
    ASSERT_TRUE(batch.Commit(&state).ok());
  }
  // The file is written behind the commits, and a copy made meanwhile may not be whole.
  std::int64_t written = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (written < 300'000 && std::chrono::steady_clock::now() < deadline) {
    const tests::TemporaryDirectory left;
    CopyTo(left.path());
    const auto killed = ReadModelStore::Open({.directory = left.path(), .read_only = true});
    if (killed.ok()) written = (*killed)->State(model, Partition(0)).value().records;
  }
  EXPECT_GE(written, 300'000);
}

class AStoreOnAFullDisk : public ReadModelStoreTest {};

TEST_F(AStoreOnAFullDisk, GoesOnOnceThereIsSpace) {
  const auto disk = std::make_shared<tests::FailingFileSystem>();
  store_.reset();
  auto opened = ReadModelStore::Open({.directory = directory_.path(), .file_system = disk});
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  store_ = std::move(*opened);
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  disk->BeFull();
  disk->FailNth(tests::FailingFileSystem::Operation::kWrite, 1);
  EXPECT_FALSE(store_->Flush().ok());
  EXPECT_EQ(Get(model, "a"), "1") << "it can be read all the time";

  // RocksDB looks every five seconds whether there is space.
  const PartitionState before = StateOf(model, 0);
  PartitionState after;
  std::promise<void> nothing;
  const std::future<void> pause = nothing.get_future();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  DocumentBatch batch(*store_, model, Partition(0));
  Status committed;
  do {
    after = before;
    after.next = after.next.Next();
    batch.Put("a", "2", Cause(1));
    committed = batch.Commit(&after);
  } while (!committed.ok() && std::chrono::steady_clock::now() < deadline &&
           pause.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout);
  ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  EXPECT_EQ(Get(model, "a"), "2");
  // Closed so soon after an error, RocksDB may leave what a kill does.
  Reopen();
  EXPECT_EQ(StateOf(model, 0), Get(model, "a") == "2" ? after : before);
}

class AStoreWhoseDirectoryIsDeleted : public ReadModelStoreTest {};

TEST_F(AStoreWhoseDirectoryIsDeleted, BeginsEmpty) {
  Commit(MakeModel(), 0, {{"a", "1"}});
  Reopen([this] { std::filesystem::remove_all(directory_.path()); });
  EXPECT_THAT(store_->Models().value(), IsEmpty());
}

}  // namespace
}  // namespace bitacora::projections
