// What is stored is read as if anybody could have written it: damage is an answer, never a crash.
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <bitacora/base/encoding.h>

#include "projections/read_models_fixture.h"
#include "src/row_codec.h"
#include "support/seed.h"

namespace bitacora::projections {
namespace {

class AStoreOfAnotherFormat : public ReadModelStoreTest {
 protected:
  /// Changes the database behind the store's back.
  void Behind(const std::function<void(rocksdb::DB&)>& change) {
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), directory_.path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    change(*db);
  }
  void Write(const std::string& key, const std::string& value) {
    Behind([&](rocksdb::DB& db) { ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), key, value).ok()); });
  }
  static std::string Varint(std::uint64_t number) {
    std::string bytes;
    PutVarint(&bytes, number);
    return bytes;
  }
};

TEST_F(AStoreOfAnotherFormat, IsEmptied) {
  Commit(MakeModel(), 0, {{"a", "1"}});
  Reopen([this] { Write(std::string(kFormatKey), Varint(kReadModelFormat + 1)); });
  EXPECT_TRUE(store_->Models().value().empty());
  EXPECT_EQ(Get(MakeModel(), "a"), std::nullopt);
  Reopen();
  EXPECT_EQ(store_->Models().value().size(), 1U) << "emptied once more";
}

TEST_F(AStoreOfAnotherFormat, IsRefusedWhereItCannotBeEmptied) {
  Commit(MakeModel(), 0, {{"a", "1"}});
  store_.reset();
  Write(std::string(kFormatKey), Varint(kReadModelFormat + 1));
  const auto opened = ReadModelStore::Open({.directory = directory_.path(), .read_only = true});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().reason(), "other-format");
}

class ADamagedStore : public ReadModelStoreTest {
 protected:
  /// Zeros in the middle of every file whose name begins so.
  void Damage(const std::string& beginning) {
    int damaged = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
      if (!file.path().filename().string().starts_with(beginning)) continue;
      ++damaged;
      std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekp(static_cast<std::streamoff>(file.file_size() / 3));
      bytes << std::string(file.file_size() / 3, '\0');
    }
    ASSERT_GT(damaged, 0);
  }
};

TEST_F(ADamagedStore, BeginsEmpty) {
  Commit(MakeModel(), 0, {{"a", "1"}});
  Reopen([this] { Damage("MANIFEST-"); });
  EXPECT_TRUE(store_->Models().value().empty());
  const Model model = MakeModel();
  EXPECT_EQ(StateOf(model, 0), PartitionState());
  Commit(model, 0, {{"a", "2"}});
  Reopen();
  EXPECT_EQ(Get(model, "a"), "2");
}

TEST_F(ADamagedStore, IsLeftAsItIsByWhoOnlyReads) {
  Commit(MakeModel(), 0, {{"a", "1"}});
  store_.reset();
  Damage("MANIFEST-");
  const auto opened = ReadModelStore::Open({.directory = directory_.path(), .read_only = true});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().reason(), "state-damaged");
  EXPECT_FALSE(std::filesystem::is_empty(directory_.path()));
}

class DamagedBytes : public AStoreOfAnotherFormat {
 protected:
  /// The row stands in partition 0 of a model of two.
  void WriteRow(const Model& model, const std::string& key, const std::string& bytes) {
    Reopen([&] { Write(PartitionKey(kDocumentPrefix, model.number, Partition(0)) + key, bytes); });
  }
  static void ExpectDamaged(const Status& status) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption);
    EXPECT_EQ(status.error().reason(), "state-damaged");
  }
};

TEST_F(DamagedBytes, OfADocumentAreSaidByWhoeverMeetsThem) {
  const Model model = MakeModel(2);
  WriteRow(model, "a", "too short");
  ExpectDamaged(store_->Get(model, "a").status());
  ExpectDamaged(store_->List(model, {}).status());
  const auto snapshot = store_->Snapshot(model);
  ExpectDamaged(snapshot->RowsOf(Partition(0))->Next().status());
  DocumentBatch batch(*store_, model, Partition(0));
  ExpectDamaged(batch.Get("a").status());
  batch.Put("a", "1", Cause(0));
  PartitionState state;
  ExpectDamaged(batch.Commit(&state));
  EXPECT_EQ(state, PartitionState());
}

TEST_F(DamagedBytes, OfADocumentDoNotTouchOthers) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"b", "1"}});
  WriteRow(model, "a", "too short");
  EXPECT_EQ(Get(model, "b"), "1");
}

TEST_F(DamagedBytes, OfATimeBeyondAllNumbersAreNoTime) {
  const Model model = MakeModel(2);
  WriteRow(model, "a", std::string(32, 'h') + Varint(1) + Varint(UINT64_MAX) + "value");
  ExpectDamaged(store_->Get(model, "a").status());
}

TEST_F(DamagedBytes, OfAPositionAreSaid) {
  const Model model = MakeModel();
  PartitionState state;
  state.next = Offset(-1);  // As 2^64 - 1: no offset.
  for (const std::string& bytes : {std::string(), std::string("x"), EncodeState(state),
                                   EncodeState(PartitionState()) + "and more"}) {
    Reopen([&] { Write(PartitionKey(kStatePrefix, model.number, Partition(0)), bytes); });
    ExpectDamaged(store_->State(model, Partition(0)).status());
    ExpectDamaged(store_->Snapshot(model)->State(Partition(0)).status());
  }
}

TEST_F(DamagedBytes, OfAModelKeepTheStoreClosed) {
  MakeModel();
  Model model{"orders.latest", 1, Identity(0)};
  for (const std::int32_t partitions : {0, -1, 1025}) {
    model.identity.partitions = partitions;
    store_.reset();
    Write(std::string(kModelPrefix) + "orders.latest", EncodeModel(model));
    ExpectDamaged(ReadModelStore::Open({directory_.path()}).status());
  }
}

TEST_F(DamagedBytes, OfTheNextNumberLetNoModelBeMade) {
  Reopen([&] { Write(std::string(kNextNumberKey), "\xFF"); });
  ExpectDamaged(store_->OpenModel("orders.latest", Identity(1)).status());
  Reopen([&] { Write(std::string(kNextNumberKey), Varint(UINT64_MAX)); });
  ExpectDamaged(store_->OpenModel("orders.latest", Identity(1)).status());
}

TEST_F(DamagedBytes, OfAKeyKeepTheStoreClosedInsteadOfWalkingForEver) {
  store_.reset();
  for (const std::string& key : {std::string("d/\xFF\xFF"), "d/" + std::string(12, '\xFF')}) {
    Write(key, "x");
    ExpectDamaged(ReadModelStore::Open({directory_.path()}).status());
    Behind([&](rocksdb::DB& db) { ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), key).ok()); });
  }
}

TEST_F(DamagedBytes, OfAnyKindNeverEndTheProcess) {
  std::mt19937_64 random(testing::TestSeed());
  const std::string row = EncodeRow({}, Offset(5), 77, "value");
  const std::string state = EncodeState({});
  const std::string model = EncodeModel({"orders.latest", 7, Identity(3)});
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = std::vector{row, state, model}[testing::Below(random, 3)];
    for (std::size_t changes = testing::Below(random, 4); changes > 0; --changes) {
      bytes[testing::Below(random, bytes.size())] = static_cast<char>(random());
    }
    bytes.resize(bytes.size() - testing::Below(random, 3));
    if (const auto found = DecodeModel("m", bytes)) {
      EXPECT_GT(found->identity.partitions, 0);
      EXPECT_LE(found->identity.partitions, 1024);
    }
    if (const auto found = DecodeState(bytes)) {
      EXPECT_GE(found->next, Offset(0));
      EXPECT_EQ(DecodeState(EncodeState(*found)), found);
    }
    if (const auto found = DecodeRow(bytes)) {
      EXPECT_EQ(found->hash.size(), 32U);
      EXPECT_GE(found->time_ms, 0);
    }
  }
}

}  // namespace
}  // namespace bitacora::projections
