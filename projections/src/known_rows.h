// What rows of documents the store is known to have, without asking RocksDB.
#pragma once

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

/// Rows that were looked for or written lately, by their keys in the database: a document that
/// changes often need not be looked for each time. About 12 MiB. Thread-safe; who changes a row of
/// the database tells it here, too, and nobody else changes that row meanwhile. Rows of a dropped
/// model may stay: its number is not used again, so nobody asks for them.
class KnownRows {
 public:
  /// One for each key; nothing: RocksDB has to be asked.
  std::vector<std::optional<StoredHash>> Find(std::span<const std::string> keys) const
      EXCLUDES(mu_);
  void Set(std::span<const std::string> keys, std::span<const StoredHash> rows) EXCLUDES(mu_);
  void Clear() EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  std::unordered_map<std::string, StoredHash> rows_ GUARDED_BY(mu_);
};

}  // namespace bitacora::projections
