// A walk over the stored rows that share the beginning of their keys.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <rocksdb/db.h>

#include <bitacora/base/status.h>

namespace bitacora::projections {

/// Rows whose keys begin with a prefix. The bounds must stay where they are while it is used, so it
/// does not move.
class RowIterator {
 public:
  RowIterator(const rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
              std::string partition_prefix, std::string_view key_prefix);
  RowIterator(const RowIterator&) = delete;
  RowIterator& operator=(const RowIterator&) = delete;

  void SeekToFirst() { iterator_->SeekToFirst(); }
  void SeekBehind(std::string_view key);
  bool Valid() const { return iterator_->Valid(); }
  void Next() { iterator_->Next(); }
  std::string_view key() const {
    return iterator_->key().ToStringView().substr(partition_prefix_.size());
  }
  std::string_view row() const { return iterator_->value().ToStringView(); }
  Status status() const;

 private:
  const std::string partition_prefix_;
  const std::string lower_;
  const std::string upper_;
  rocksdb::Slice lower_slice_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace bitacora::projections
