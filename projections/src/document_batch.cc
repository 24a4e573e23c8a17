#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/mutation.h>
#include <bitacora/projections/read_model_store.h>

#include "src/known_rows.h"
#include "src/rocks_status.h"
#include "src/row_codec.h"
#include "src/store_impl.h"

namespace bitacora::projections {
namespace {

/// What a key is to become.
struct Change {
  std::optional<std::string> value;  ///< Nothing: removed.
  Offset offset;
  std::int64_t time_ms = 0;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

struct DocumentBatch::Impl {
  Impl(ReadModelStore& store_, Model model_, Partition partition)
      : store(*store_.impl_),
        model(std::move(model_)),
        prefix(PartitionKey(kDocumentPrefix, model.number, partition)),
        state_key(PartitionKey(kStatePrefix, model.number, partition)) {}

  using Entry = std::pair<const std::string, Change>;

  /// What is stored under `keys`, which are in order.
  Result<std::vector<StoredHash>> ReadOld(const std::vector<std::string>& keys) const {
    const std::vector<std::optional<StoredHash>> known = store.known_rows.Find(keys);
    std::vector<StoredHash> old(keys.size());
    std::vector<rocksdb::Slice> asked;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (known[i]) {
        old[i] = *known[i];
      } else {
        asked.emplace_back(keys[i]);
        places.push_back(i);
      }
    }
    if (asked.empty()) return old;
    std::vector<rocksdb::PinnableSlice> rows(asked.size());
    std::vector<rocksdb::Status> statuses(asked.size());
    store.db->MultiGet(rocksdb::ReadOptions(), store.db->DefaultColumnFamily(), asked.size(),
                       asked.data(), rows.data(), statuses.data(), /*sorted_input=*/true);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      BITACORA_RETURN_IF_ERROR(FromRocks(statuses[i], "reading documents"));
      // The hash that was added, whatever the bytes beside it are now: a damaged row leaves no
      // trace in the digest once it is written anew.
      const std::optional<RowView> row = DecodeRow(rows[i].ToStringView());
      if (!row) return Damaged("a document");
      old[places[i]] = ToHash(row->hash);
    }
    return old;
  }

  /// Puts every changed document into `batch` and brings `state` up to date; `keys` and `rows` are
  /// those that will be there then.
  Status Stage(rocksdb::WriteBatch* batch, PartitionState* state, std::vector<std::string>* keys,
               std::vector<KnownRow>* rows) {
    std::vector<Entry*> entries;
    entries.reserve(changes.size());
    for (Entry& entry : changes) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(),
              [](const Entry* a, const Entry* b) { return a->first < b->first; });
    keys->reserve(entries.size());
    for (const Entry* entry : entries) keys->push_back(prefix + entry->first);
    BITACORA_ASSIGN_OR_RETURN(const std::vector<StoredHash> old, ReadOld(*keys));

    rows->resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& [key, change] = *entries[i];
      const std::string& at = (*keys)[i];
      if (old[i]) {
        state->digest.Remove(*old[i]);
        --state->documents;
        if (!change.value) batch->Delete(at);
      }
      if (!change.value) continue;
      KnownRow& row = (*rows)[i];
      row.hash = HashDocument(model.identity.program, key, *change.value);
      state->digest.Add(*row.hash);
      ++state->documents;
      row.bytes = EncodeRow(*row.hash, change.offset, change.time_ms, *change.value);
      batch->Put(at, row.bytes);
    }
    return {};
  }

  ReadModelStore::Impl& store;
  const Model model;
  const std::string prefix;
  const std::string state_key;
  std::unordered_map<std::string, Change, TextHash, std::equal_to<>> changes;
  std::optional<std::int64_t> records;  ///< Folded up to the last Commit.
};

DocumentBatch::DocumentBatch(ReadModelStore& store, Model model, Partition partition)
    : impl_(std::make_unique<Impl>(store, std::move(model), partition)) {}
DocumentBatch::~DocumentBatch() = default;

Result<std::optional<std::string>> DocumentBatch::Get(std::string_view key) {
  if (const auto changed = impl_->changes.find(key); changed != impl_->changes.end()) {
    return changed->second.value;
  }
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            impl_->store.Get(impl_->prefix + std::string(key)));
  if (!bytes) return std::optional<std::string>();
  const std::optional<RowView> row = DecodeRow(*bytes);
  if (!row) return Damaged("a document");
  return std::optional(std::string(row->value));
}

void DocumentBatch::Put(std::string_view key, std::string value, const StoredRecord& cause) {
  impl_->changes.insert_or_assign(std::string(key),
                                  Change{std::move(value), cause.offset, cause.timestamp_ms});
}

void DocumentBatch::Remove(std::string_view key) {
  impl_->changes.insert_or_assign(std::string(key), Change{});
}

Status DocumentBatch::Commit(PartitionState* state) {
  PartitionState after = *state;
  rocksdb::WriteBatch batch;
  std::vector<std::string> keys;
  std::vector<KnownRow> rows;
  Status status = impl_->Stage(&batch, &after, &keys, &rows);
  if (Mutated(Promise::kP8) && status.ok()) {
    status = impl_->store.Write(&batch);
    batch.Clear();
  }
  batch.Put(impl_->state_key, EncodeState(after));
  if (status.ok()) status = impl_->store.Write(&batch);
  impl_->changes.clear();
  if (!status.ok()) return status;
  impl_->store.known_rows.Set(keys, std::move(rows));
  *state = after;
  if (impl_->records) impl_->store.CountFolded(after.records - *impl_->records);
  impl_->records = after.records;
  return {};
}

}  // namespace bitacora::projections
