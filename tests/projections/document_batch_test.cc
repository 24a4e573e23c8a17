#include <string>

#include <gtest/gtest.h>

#include "projections/read_models_fixture.h"

namespace bitacora::projections {
namespace {

class ABatchOfDocuments : public ReadModelStoreTest {};

TEST_F(ABatchOfDocuments, IsSeenByItselfAndByNobodyElseBeforeItIsCommitted) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "old"}, {"b", "old"}});
  DocumentBatch batch(*store_, model, Partition(0));
  batch.Put("a", "new", Cause(1));
  batch.Remove("b");
  EXPECT_EQ(batch.Get("a").value(), "new");
  EXPECT_EQ(batch.Get("b").value(), std::nullopt);
  EXPECT_EQ(Get(model, "a"), "old");
  EXPECT_EQ(Get(model, "b"), "old");
}

TEST_F(ABatchOfDocuments, ReadsWhatWasStoredBefore) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "stored"}});
  DocumentBatch batch(*store_, model, Partition(0));
  EXPECT_EQ(batch.Get("a").value(), "stored");
  EXPECT_EQ(batch.Get("none").value(), std::nullopt);
}

TEST_F(ABatchOfDocuments, OfAnotherPartitionIsNotSeen) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"a", "stored"}});
  DocumentBatch batch(*store_, model, Partition(1));
  EXPECT_EQ(batch.Get("a").value(), std::nullopt);
}

TEST_F(ABatchOfDocuments, KeepsTheLastChangeOfEachKey) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", std::nullopt}});
  EXPECT_EQ(Get(model, "a"), "2");
  EXPECT_EQ(Get(model, "b"), std::nullopt);
  EXPECT_EQ(StateOf(model, 0).documents, 1);
}

TEST_F(ABatchOfDocuments, BringsThePositionItLeadsToWithIt) {
  const Model model = MakeModel();
  PartitionState state;
  state.first = Offset(3);
  state.next = Offset(9);
  state.chain.fill(7);
  state.records = 4;
  DocumentBatch batch(*store_, model, Partition(0));
  batch.Put("a", "1", Cause(8));
  ASSERT_TRUE(batch.Commit(&state).ok());
  Reopen();
  EXPECT_EQ(StateOf(model, 0), state);
  EXPECT_EQ(Get(model, "a"), "1");
}

TEST_F(ABatchOfDocuments, KeepsDigestAndCountOfItsDocuments) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}, {"b", "1"}, {"c", "1"}});
  Commit(model, 0, {{"a", "2"}, {"b", std::nullopt}, {"never", std::nullopt}});
  Digest digest;
  digest.Add(HashDocument("latest/1", "a", "2"));
  digest.Add(HashDocument("latest/1", "c", "1"));
  EXPECT_EQ(StateOf(model, 0).digest, digest);
  EXPECT_EQ(StateOf(model, 0).documents, 2);
}

TEST_F(ABatchOfDocuments, LeavesTheDigestWhereADocumentStaysAsItIs) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "1"}});
  const Digest before = StateOf(model, 0).digest;
  Commit(model, 0, {{"a", "1"}});
  EXPECT_EQ(StateOf(model, 0).digest, before);
  EXPECT_EQ(StateOf(model, 0).documents, 1);
}

TEST_F(ABatchOfDocuments, WithoutChangesMovesThePositionOnly) {
  const Model model = MakeModel();
  Commit(model, 0, {});
  EXPECT_EQ(StateOf(model, 0).next, Offset(1));
  EXPECT_EQ(StateOf(model, 0).digest, Digest());
}

TEST_F(ABatchOfDocuments, StartsAnewAfterEachCommit) {
  const Model model = MakeModel();
  DocumentBatch batch(*store_, model, Partition(0));
  PartitionState state;
  batch.Put("a", "1", Cause(0));
  ASSERT_TRUE(batch.Commit(&state).ok());
  Commit(model, 0, {{"a", std::nullopt}});
  state = StateOf(model, 0);
  ASSERT_TRUE(batch.Commit(&state).ok());
  EXPECT_EQ(Get(model, "a"), std::nullopt) << "the first batch's change was written twice";
}

TEST_F(ABatchOfDocuments, TakesAnyBytesAsKeyAndValue) {
  const Model model = MakeModel();
  const std::string key("\0\xFF\xFE/", 4);
  const std::string value("\0\xFF", 2);
  Commit(model, 0, {{key, value}, {"", "of the empty key"}, {"empty", ""}});
  Reopen();
  EXPECT_EQ(Get(model, key), value);
  EXPECT_EQ(Get(model, ""), "of the empty key");
  EXPECT_EQ(Get(model, "empty"), "");
}

TEST_F(ABatchOfDocuments, KeepsTheRecordThatMadeEachDocument) {
  const Model model = MakeModel();
  DocumentBatch batch(*store_, model, Partition(0));
  batch.Put("a", "1", Cause(5, 77));
  batch.Put("timeless", "1", Cause(6, -1));
  PartitionState state;
  ASSERT_TRUE(batch.Commit(&state).ok());
  const auto rows = RowsOf(*store_->Snapshot(model), 0);
  EXPECT_EQ(rows.at("a").offset, Offset(5));
  EXPECT_EQ(rows.at("a").time_ms, 77);
  EXPECT_EQ(rows.at("a").hash, HashDocument("latest/1", "a", "1"));
  EXPECT_EQ(rows.at("timeless").time_ms, 0) << "Kafka's -1 for no time";
}

class ABatchThatCannotBeWritten : public ReadModelStoreTest {};

TEST_F(ABatchThatCannotBeWritten, ChangesNothingAndIsDropped) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "old"}});
  const PartitionState before = StateOf(model, 0);
  store_.reset();
  auto read_only = ReadModelStore::Open({.directory = directory_.path(), .read_only = true});
  ASSERT_TRUE(read_only.ok()) << read_only.error().ToString();
  store_ = std::move(*read_only);

  PartitionState state = before;
  state.next = Offset(50);
  const PartitionState moved = state;
  {
    DocumentBatch batch(*store_, model, Partition(0));
    batch.Put("a", "new", Cause(1));
    const Status status = batch.Commit(&state);
    ASSERT_FALSE(status.ok());
    EXPECT_TRUE(status.error().retryable()) << status.error().ToString();
    EXPECT_EQ(batch.Get("a").value(), "old") << "the change is still there";
  }
  EXPECT_EQ(state, moved) << "digest or documents followed a change that was not written";
  Reopen();
  EXPECT_EQ(StateOf(model, 0), before);
  EXPECT_EQ(Get(model, "a"), "old");
}

}  // namespace
}  // namespace bitacora::projections
