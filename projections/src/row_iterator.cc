#include "src/row_iterator.h"

#include <utility>

#include <bitacora/base/encoding.h>

#include "src/rocks_status.h"

namespace bitacora::projections {

RowIterator::RowIterator(const rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                         std::string partition_prefix, std::string_view key_prefix)
    : partition_prefix_(std::move(partition_prefix)),
      lower_(partition_prefix_ + std::string(key_prefix)),
      upper_(PrefixEnd(lower_)),
      lower_slice_(lower_),
      upper_slice_(upper_) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.iterate_lower_bound = &lower_slice_;
  options.iterate_upper_bound = &upper_slice_;
  // NewIterator changes nothing that can be seen, but is not const.
  iterator_.reset(const_cast<rocksdb::DB&>(db).NewIterator(options));
}

void RowIterator::SeekBehind(std::string_view key) {
  const std::string at = partition_prefix_ + std::string(key);
  iterator_->Seek(at);
  if (iterator_->Valid() && iterator_->key() == rocksdb::Slice(at)) iterator_->Next();
}

Status RowIterator::status() const { return FromRocks(iterator_->status(), "reading documents"); }

}  // namespace bitacora::projections
