// A read model store in a directory of its own, and short words for what tests do with it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/projections/read_model_store.h>

#include "support/temporary_directory.h"

namespace bitacora::projections {

/// A record for a document to be made by: offset and time are kept beside it.
inline StoredRecord Cause(std::int64_t offset, std::int64_t time_ms = 0) {
  StoredRecord record;
  record.offset = Offset(offset);
  record.timestamp_ms = time_ms;
  return record;
}

class ReadModelStoreTest : public ::testing::Test {
 protected:
  ReadModelStoreTest() { Open(); }

  void Open() {
    ReadModelStore::Options options;
    options.directory = directory_.path();
    auto opened = ReadModelStore::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(*opened);
  }
  /// What a stop and a start do; `between` runs while nothing is open.
  template <typename Between>
  void Reopen(Between between) {
    store_.reset();
    between();
    Open();
  }
  void Reopen() {
    Reopen([] {});
  }
  /// What a kill leaves, opened again. Not while a file is being written.
  void Kill() {
    const tests::TemporaryDirectory left;
    CopyTo(left.path());
    Reopen([&] {
      std::filesystem::remove_all(directory_.path());
      std::filesystem::copy(left.path(), directory_.path());
    });
  }
  /// The store's files as they are now.
  void CopyTo(const std::string& where) const { std::filesystem::copy(directory_.path(), where); }

  static ModelIdentity Identity(std::int32_t partitions, bool owned = true) {
    return {"log-1", "latest/1", partitions, owned};
  }
  Model MakeModel(std::int32_t partitions = 1, bool owned = true,
                  const std::string& name = "orders.latest") {
    auto model = store_->OpenModel(name, Identity(partitions, owned));
    EXPECT_TRUE(model.ok()) << model.error().ToString();
    return *model;
  }

  /// Nothing as value: the document is removed.
  using Changes = std::vector<std::pair<std::string, std::optional<std::string>>>;
  /// One batch, made by a record at the partition's next offset.
  void Commit(const Model& model, std::int32_t partition, const Changes& changes,
              std::int64_t time_ms = 0) {
    PartitionState state = StateOf(model, partition);
    DocumentBatch batch(*store_, model, Partition(partition));
    for (const auto& [key, value] : changes) {
      if (value) {
        batch.Put(key, *value, Cause(state.next.value, time_ms));
      } else {
        batch.Remove(key);
      }
    }
    state.next = state.next.Next();
    ++state.records;
    const Status status = batch.Commit(&state);
    ASSERT_TRUE(status.ok()) << status.error().ToString();
  }

  PartitionState StateOf(const Model& model, std::int32_t partition) const {
    const auto state = store_->State(model, Partition(partition));
    EXPECT_TRUE(state.ok()) << state.error().ToString();
    return state.value_or(PartitionState());
  }

  std::optional<std::string> Get(const Model& model, std::string_view key) const {
    const auto value = store_->Get(model, key);
    EXPECT_TRUE(value.ok()) << value.error().ToString();
    return value.value_or(std::nullopt);
  }

  ReadModelStore::Page List(const Model& model, const ReadModelStore::ListQuery& query = {}) const {
    auto page = store_->List(model, query);
    EXPECT_TRUE(page.ok()) << page.error().ToString();
    return page.value_or(ReadModelStore::Page());
  }

  /// Every row of a partition, by key.
  static std::map<std::string, Row> RowsOf(const ModelSnapshot& snapshot, std::int32_t partition) {
    std::map<std::string, Row> all;
    const auto rows = snapshot.RowsOf(Partition(partition));
    for (auto row = rows->Next(); row.ok() && *row; row = rows->Next()) {
      all.emplace((*row)->key, std::move(**row));
    }
    return all;
  }

  const tests::TemporaryDirectory directory_;
  std::unique_ptr<ReadModelStore> store_;
};

}  // namespace bitacora::projections
