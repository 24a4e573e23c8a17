#include <utility>

#include <rocksdb/db.h>

#include <bitacora/projections/read_model_store.h>

#include "src/rocks_status.h"
#include "src/row_codec.h"
#include "src/row_iterator.h"
#include "src/store_impl.h"

namespace bitacora::projections {
namespace {

class SnapshotRows final : public ModelSnapshot::Rows {
 public:
  SnapshotRows(const rocksdb::DB& db, const rocksdb::Snapshot* snapshot, std::string prefix)
      : rows_(db, snapshot, std::move(prefix), "") {
    rows_.SeekToFirst();
  }

  Result<std::optional<Row>> Next() override {
    if (!rows_.Valid()) {
      BITACORA_RETURN_IF_ERROR(rows_.status());
      return std::optional<Row>();
    }
    const std::optional<RowView> view = DecodeRow(rows_.row());
    if (!view) return Damaged("a document");
    Row row{std::string(rows_.key()), std::string(view->value), ToHash(view->hash), view->offset,
            view->time_ms};
    rows_.Next();
    return std::optional(std::move(row));
  }

 private:
  RowIterator rows_;
};

class SnapshotOfModel final : public ModelSnapshot {
 public:
  SnapshotOfModel(rocksdb::DB& db, std::uint32_t model)
      : db_(db), model_(model), snapshot_(db.GetSnapshot()) {}
  ~SnapshotOfModel() override { db_.ReleaseSnapshot(snapshot_); }
  SnapshotOfModel(const SnapshotOfModel&) = delete;
  SnapshotOfModel& operator=(const SnapshotOfModel&) = delete;

  Result<PartitionState> State(Partition partition) const override {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    std::string bytes;
    const rocksdb::Status status =
        db_.Get(options, PartitionKey(kStatePrefix, model_, partition), &bytes);
    if (status.IsNotFound()) return PartitionState();
    BITACORA_RETURN_IF_ERROR(FromRocks(status, "reading a position"));
    const std::optional<PartitionState> state = DecodeState(bytes);
    if (!state) return Damaged("the position of a partition");
    return *state;
  }

  std::unique_ptr<Rows> RowsOf(Partition partition) const override {
    return std::make_unique<SnapshotRows>(db_, snapshot_,
                                          PartitionKey(kDocumentPrefix, model_, partition));
  }

 private:
  rocksdb::DB& db_;
  const std::uint32_t model_;
  const rocksdb::Snapshot* const snapshot_;
};

}  // namespace

std::unique_ptr<ModelSnapshot> ReadModelStore::Snapshot(const Model& model) const {
  return std::make_unique<SnapshotOfModel>(*impl_->db, model.number);
}

}  // namespace bitacora::projections
