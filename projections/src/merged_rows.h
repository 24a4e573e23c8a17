// The documents of all partitions of a model as one sequence.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include <bitacora/base/status.h>
#include <bitacora/projections/read_model_store.h>

#include "src/row_iterator.h"

namespace bitacora::projections {

/// In the order of the bytes of their keys. Of a key that several partitions have, the document of
/// the newest record; of equally new ones that of the highest partition.
class MergedRows {
 public:
  /// Only keys that begin with `prefix` and stand behind `after`.
  MergedRows(const rocksdb::DB& db, const Model& model, const std::string& prefix,
             const std::optional<std::string>& after);

  struct Document {
    std::string key;
    std::string value;
  };
  /// Nothing: there are no more. kCorruption, kUnavailable.
  Result<std::optional<Document>> Next();

 private:
  /// Puts the partition where its next row belongs; a partition at its end leaves.
  Status Queue(std::size_t partition);
  /// Whether partition `a` comes after `b`: a greater key, or an equal one and a higher number.
  bool Later(std::size_t a, std::size_t b) const;

  std::vector<std::unique_ptr<RowIterator>> partitions_;
  std::vector<std::size_t> heap_;  ///< Of partitions that have a row; the first row on top.
  Status opened_;
};

}  // namespace bitacora::projections
