// What rows of documents the store is known to have, without asking RocksDB.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/base/sha256.h>

namespace bitacora::projections {

/// The hash stored in a row; nothing: there is no such row.
using StoredHash = std::optional<Sha256Digest>;

/// A row as it was written.
struct KnownRow {
  StoredHash hash;
  std::string bytes;  ///< Empty: there is none, or it is too large to be kept.
};

/// Rows that were written lately, by their keys in the database: a document that changes often is
/// neither looked for each time it changes nor each time it is asked for. About 32 MiB.
/// Thread-safe; who changes a row of the database tells it here, too, and nobody else changes that
/// row meanwhile. Who deletes many clears it; a batch of a dropped model that comes too late leaves
/// rows here as in the database, but its number is not used again.
class KnownRows {
 public:
  /// One for each key; nothing: RocksDB has to be asked.
  std::vector<std::optional<StoredHash>> Find(std::span<const std::string> keys) const
      EXCLUDES(mu_);
  /// The bytes of a row; empty: there is no such row. Nothing: RocksDB has to be asked.
  std::optional<std::string> FindBytes(const std::string& key) const EXCLUDES(mu_);
  void Set(std::span<const std::string> keys, std::vector<KnownRow> rows) EXCLUDES(mu_);
  void Clear() EXCLUDES(mu_);

 private:
  void SetOne(const std::string& key, KnownRow row) REQUIRES_LOCK(mu_);

  mutable Mutex mu_;
  std::unordered_map<std::string, KnownRow> rows_ GUARDED_BY(mu_);
  std::size_t bytes_ GUARDED_BY(mu_) = 0;
};

}  // namespace bitacora::projections
