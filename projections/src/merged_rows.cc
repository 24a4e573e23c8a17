#include "src/merged_rows.h"

#include <algorithm>
#include <utility>

#include "src/rocks_status.h"
#include "src/row_codec.h"

namespace bitacora::projections {

MergedRows::MergedRows(const rocksdb::DB& db, const Model& model, const std::string& prefix,
                       const std::optional<std::string>& after) {
  for (std::int32_t number = 0; number < model.identity.partitions; ++number) {
    auto rows = std::make_unique<RowIterator>(
        db, nullptr, PartitionKey(kDocumentPrefix, model.number, Partition(number)), prefix);
    if (after && *after >= prefix) {
      rows->SeekBehind(*after);
    } else {
      rows->SeekToFirst();
    }
    partitions_.push_back(std::move(rows));
    if (opened_.ok()) opened_ = Queue(partitions_.size() - 1);
  }
}

bool MergedRows::Later(std::size_t a, std::size_t b) const {
  const int order = partitions_[a]->key().compare(partitions_[b]->key());
  return order != 0 ? order > 0 : a > b;
}

Status MergedRows::Queue(std::size_t partition) {
  BITACORA_RETURN_IF_ERROR(partitions_[partition]->status());
  if (!partitions_[partition]->Valid()) return {};
  heap_.push_back(partition);
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](std::size_t a, std::size_t b) { return Later(a, b); });
  return {};
}

Result<std::optional<MergedRows::Document>> MergedRows::Next() {
  BITACORA_RETURN_IF_ERROR(opened_);
  if (heap_.empty()) return std::optional<Document>();
  Document document;
  document.key = partitions_[heap_.front()]->key();
  std::int64_t newest = 0;
  while (!heap_.empty() && partitions_[heap_.front()]->key() == document.key) {
    const std::size_t partition = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](std::size_t a, std::size_t b) { return Later(a, b); });
    heap_.pop_back();
    RowIterator& rows = *partitions_[partition];
    const std::optional<RowView> row = DecodeRow(rows.row());
    if (!row) return Damaged("a document");
    if (row->time_ms >= newest) {
      newest = row->time_ms;
      document.value = row->value;
    }
    rows.Next();
    BITACORA_RETURN_IF_ERROR(Queue(partition));
  }
  return std::optional(std::move(document));
}

}  // namespace bitacora::projections
