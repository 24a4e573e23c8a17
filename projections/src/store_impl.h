// What the sources of the read model store share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <bitacora/base/mutex.h>
#include <bitacora/projections/read_model_store.h>

#include "src/known_rows.h"

namespace bitacora::projections {

struct ReadModelStore::Impl {
  /// Empties a store of another format, or says that it is one where it cannot be changed.
  Status Prepare(bool read_only);
  Result<std::optional<std::string>> Get(std::string_view key) const;
  /// The row of a document, empty where there is none. Nothing: as below.
  std::optional<Result<std::string>> FindRow(const std::string& key,
                                             const rocksdb::ReadOptions& options) const;
  /// The value of a document. Nothing: `options` forbid the I/O it takes to know.
  std::optional<Result<std::optional<std::string>>> FindDocument(
      const Model& model, std::string_view key, const rocksdb::ReadOptions& options) const;
  /// Drops and makes models; reading and folding do not wait for it.
  Status Write(rocksdb::WriteBatch* batch);
  /// Everything of the model but its name. Batches of it that come later leave rows nobody reads;
  /// the next start removes them.
  void DropDocuments(std::uint32_t number, rocksdb::WriteBatch* batch) const;

  /// Takes note of records that were folded, and begins to write where a start would fold too many
  /// of them again. Does not wait for it; what fails there fails the next Write.
  void CountFolded(std::int64_t records);

  Mutex models_mu;  ///< Held while a model is made, so that no number is given twice.
  std::unique_ptr<rocksdb::Env> env;  ///< Of another file system than the disk's, or nothing.
  KnownRows known_rows;
  std::atomic<std::int64_t> folded{0};  ///< Since CountFolded last began to write.
  std::unique_ptr<rocksdb::DB> db;
};

}  // namespace bitacora::projections
