#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/discard.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/rocksdb_log.h>
#include <bitacora/projections/read_model_store.h>

#include "src/merged_rows.h"
#include "src/rocks_status.h"
#include "src/row_codec.h"
#include "src/row_iterator.h"
#include "src/store_impl.h"

namespace bitacora::projections {
namespace {

/// The most records a start folds again, beside those whose documents are in the memtable: one
/// document may stand for any number of records.
constexpr std::int64_t kFoldedUnwrittenMax = 262'144;

rocksdb::Options DatabaseOptions(const ReadModelStore::Options& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // In parts: a part that does not fit into a shard of the cache is read from the file each time.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  rocksdb::Options database;
  database.create_if_missing = true;
  database.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  database.compression = rocksdb::kLZ4Compression;
  database.write_buffer_size = options.memory_bytes;
  database.avoid_flush_during_shutdown = !options.write_at_close;
  // Each batch first looks for the rows it replaces, of which a growing model has none.
  database.memtable_whole_key_filtering = true;
  database.memtable_prefix_bloom_size_ratio = 0.02;
  database.max_background_jobs = 2;
  database.info_log = RocksLog("read models");
  database.max_open_files = 512;
  return database;
}

std::string Varint(std::uint64_t value) {
  std::string out;
  PutVarint(&out, value);
  return out;
}

Result<std::unique_ptr<rocksdb::DB>> OpenDatabase(const ReadModelStore::Options& options,
                                                  const rocksdb::Options& database) {
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = options.read_only
                               ? rocksdb::DB::OpenForReadOnly(database, options.directory, &opened)
                               : rocksdb::DB::Open(database, options.directory, &opened);
  if (status.IsCorruption() && !options.read_only) {
    // A power cut may leave a manifest so, which RocksDB syncs behind what it has written.
    LogWarning("the read models are damaged and are made anew", {{"error", status.ToString()}});
    BITACORA_RETURN_IF_ERROR(Discard(options.directory));
    status = rocksdb::DB::Open(database, options.directory, &opened);
  }
  if (status.ok()) return std::unique_ptr<rocksdb::DB>(opened);
  if (status.IsIOError() && !status.IsPathNotFound()) {
    LogError("the read models cannot be opened", {{"error", status.ToString()}});
    return Error(ErrorCode::kPermissionDenied, "cannot open " + options.directory);
  }
  // A file that is missing or means nothing is damage, too.
  LogError("the read models cannot be opened", {{"error", status.ToString()}});
  return Damaged(options.directory);
}

}  // namespace

// ---- Impl

Result<std::optional<std::string>> ReadModelStore::Impl::Get(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  BITACORA_RETURN_IF_ERROR(FromRocks(status, "reading"));
  return std::optional(std::move(value));
}

Status ReadModelStore::Impl::Write(rocksdb::WriteBatch* batch) {
  // Documents and positions are rows of one family, and a memtable becomes a file as a whole, in
  // the order in which they were filled: what comes back after a crash is what all was at some
  // moment. What was written since is in the event log, which is a write-ahead log already.
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromRocks(db->Write(options, batch), "writing");
}

void ReadModelStore::Impl::CountFolded(std::int64_t records) {
  if (folded.fetch_add(records) + records < kFoldedUnwrittenMax) return;
  folded = 0;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // Else it waits until no write would be held up by it.
  db->Flush(options).PermitUncheckedError();
}

void ReadModelStore::Impl::DropDocuments(std::uint32_t number, rocksdb::WriteBatch* batch) const {
  for (const std::string_view kind : {kStatePrefix, kDocumentPrefix}) {
    const std::string first = ModelKey(kind, number);
    batch->DeleteRange(first, PrefixEnd(first));
  }
}

Status ReadModelStore::Impl::Prepare(bool read_only) {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> format, Get(kFormatKey));
  if (format == Varint(kReadModelFormat)) return {};
  if (read_only) {
    return Error(ErrorCode::kConflict, "the read models are of another release", "other-format");
  }
  rocksdb::WriteBatch batch;
  if (format) {
    LogWarning("the read models are of another release; they are made anew");
    batch.DeleteRange(rocksdb::Slice(""), rocksdb::Slice("\xFF"));
  }
  batch.Put(ToSlice(kFormatKey), Varint(kReadModelFormat));
  return Write(&batch);
}

// ---- ReadModelStore

ReadModelStore::ReadModelStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ReadModelStore::~ReadModelStore() = default;

Result<std::unique_ptr<ReadModelStore>> ReadModelStore::Open(const Options& options) {
  std::error_code failed;
  if (!options.read_only) {
    BITACORA_RETURN_IF_ERROR(RemoveDiscarded(options.directory));
    std::filesystem::create_directories(options.directory, failed);
  } else if (!std::filesystem::exists(options.directory, failed) && !failed) {
    // RocksDB would make it.
    return Error(ErrorCode::kNotFound, "there is no " + options.directory);
  }
  if (failed) {
    return Error(ErrorCode::kPermissionDenied,
                 "cannot use " + options.directory + ": " + failed.message());
  }
  auto impl = std::make_unique<Impl>();
  rocksdb::Options database = DatabaseOptions(options);
  if (options.file_system) {
    impl->env = rocksdb::NewCompositeEnv(options.file_system);
    database.env = impl->env.get();
  }
  BITACORA_ASSIGN_OR_RETURN(impl->db, OpenDatabase(options, database));
  BITACORA_RETURN_IF_ERROR(impl->Prepare(options.read_only));
  auto store = std::unique_ptr<ReadModelStore>(new ReadModelStore(std::move(impl)));
  if (!options.read_only) BITACORA_RETURN_IF_ERROR(store->RemoveLeftovers());
  return store;
}

Status ReadModelStore::RemoveLeftovers() {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<Model> models, Models());
  std::set<std::uint32_t> live;
  for (const Model& model : models) live.insert(model.number);
  for (const std::string_view kind : {kStatePrefix, kDocumentPrefix}) {
    RowIterator iterator(*impl_->db, nullptr, std::string(kind), "");
    iterator.SeekToFirst();
    while (iterator.Valid()) {
      Decoder key(iterator.key());
      const std::uint32_t number = key.BigEndian32();
      // The highest number would begin the walk anew.
      if (!key.ok() || number == std::numeric_limits<std::uint32_t>::max()) {
        return Damaged("a key");
      }
      if (!live.contains(number)) {
        rocksdb::WriteBatch batch;
        impl_->DropDocuments(number, &batch);
        BITACORA_RETURN_IF_ERROR(impl_->Write(&batch));
      }
      std::string next;
      PutBigEndian32(&next, number + 1U);
      iterator.SeekBehind(next);
    }
    BITACORA_RETURN_IF_ERROR(iterator.status());
  }
  return {};
}

Result<std::vector<Model>> ReadModelStore::Models() const {
  std::vector<Model> models;
  RowIterator iterator(*impl_->db, nullptr, std::string(kModelPrefix), "");
  for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
    std::optional<Model> model = DecodeModel(iterator.key(), iterator.row());
    if (!model) return Damaged("a model");
    models.push_back(std::move(*model));
  }
  BITACORA_RETURN_IF_ERROR(iterator.status());
  return models;
}

Result<std::optional<Model>> ReadModelStore::FindModel(std::string_view name) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            impl_->Get(std::string(kModelPrefix).append(name)));
  if (!bytes) return std::optional<Model>();
  std::optional<Model> model = DecodeModel(name, *bytes);
  if (!model) return Damaged("a model");
  return model;
}

Result<Model> ReadModelStore::OpenModel(std::string_view name, const ModelIdentity& identity) {
  MutexLock lock(impl_->models_mu);
  BITACORA_ASSIGN_OR_RETURN(const std::optional<Model> known, FindModel(name));
  if (known && known->identity == identity) return *known;

  Model model{std::string(name), 1, identity};
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> next, impl_->Get(kNextNumberKey));
  if (next) {
    Decoder in(*next);
    const std::uint64_t number = in.Varint();
    if (!in.done() || number >= std::numeric_limits<std::uint32_t>::max()) {
      return Damaged("the next model's number");
    }
    model.number = static_cast<std::uint32_t>(number);
  }
  rocksdb::WriteBatch batch;
  if (known) impl_->DropDocuments(known->number, &batch);
  batch.Put(ToSlice(kNextNumberKey), Varint(model.number + 1U));
  batch.Put(std::string(kModelPrefix).append(name), EncodeModel(model));
  BITACORA_RETURN_IF_ERROR(impl_->Write(&batch));
  if (known) impl_->known_rows.Clear();
  BITACORA_RETURN_IF_ERROR(Flush());
  return model;
}

Status ReadModelStore::DropModel(std::string_view name) {
  MutexLock lock(impl_->models_mu);
  BITACORA_ASSIGN_OR_RETURN(const std::optional<Model> known, FindModel(name));
  if (!known) return {};
  rocksdb::WriteBatch batch;
  impl_->DropDocuments(known->number, &batch);
  batch.Delete(std::string(kModelPrefix).append(name));
  BITACORA_RETURN_IF_ERROR(impl_->Write(&batch));
  impl_->known_rows.Clear();
  return Flush();
}

Status ReadModelStore::ResetPartition(const Model& model, Partition partition, Offset first) {
  PartitionState state;
  state.first = first;
  state.next = first;
  const std::string documents = PartitionKey(kDocumentPrefix, model.number, partition);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(documents, PrefixEnd(documents));
  batch.Put(PartitionKey(kStatePrefix, model.number, partition), EncodeState(state));
  const Status written = impl_->Write(&batch);
  impl_->known_rows.Clear();
  return written;
}

Result<PartitionState> ReadModelStore::State(const Model& model, Partition partition) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            impl_->Get(PartitionKey(kStatePrefix, model.number, partition)));
  if (!bytes) return PartitionState();
  const std::optional<PartitionState> state = DecodeState(*bytes);
  if (!state) return Damaged("the position of a partition");
  return *state;
}

std::optional<Result<std::string>> ReadModelStore::Impl::FindRow(
    const std::string& key, const rocksdb::ReadOptions& options) const {
  if (auto known = known_rows.FindBytes(key)) return Result(*std::move(known));
  std::string row;
  const rocksdb::Status status = db->Get(options, db->DefaultColumnFamily(), key, &row);
  if (status.IsIncomplete()) return std::nullopt;
  if (status.IsNotFound()) return Result(std::string());
  if (const Status read = FromRocks(status, "reading a document"); !read.ok()) return read.error();
  return Result(std::move(row));
}

std::optional<Result<std::optional<std::string>>> ReadModelStore::Impl::FindDocument(
    const Model& model, std::string_view key, const rocksdb::ReadOptions& options) const {
  std::optional<std::string> value;
  std::int64_t newest = -1;
  const std::int32_t partitions = model.identity.partitions;
  // Of an owned topic a key has one partition, nearly always this one; it ends the search.
  const std::int32_t likely = PartitionOf(key, partitions).value;
  for (std::int32_t step = 0; step < partitions; ++step) {
    const Partition partition(model.identity.owned ? (likely + step) % partitions : step);
    const std::string at = PartitionKey(kDocumentPrefix, model.number, partition).append(key);
    const auto bytes = FindRow(at, options);
    if (!bytes) return std::nullopt;
    if (!bytes->ok()) return bytes->error();
    if ((*bytes)->empty()) continue;
    const std::optional<RowView> row = DecodeRow(**bytes);
    if (!row) return Damaged("a document");
    if (row->time_ms < newest) continue;
    newest = row->time_ms;
    value = row->value;
    if (model.identity.owned) break;
  }
  return Result(std::move(value));
}

Result<std::optional<std::string>> ReadModelStore::Get(const Model& model,
                                                       std::string_view key) const {
  return *impl_->FindDocument(model, key, rocksdb::ReadOptions());
}

std::optional<Result<std::optional<std::string>>> ReadModelStore::TryGet(
    const Model& model, std::string_view key) const {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  return impl_->FindDocument(model, key, options);
}

Result<ReadModelStore::Page> ReadModelStore::List(const Model& model,
                                                  const ListQuery& query) const {
  MergedRows rows(*impl_->db, model, query.prefix, query.after);
  Page page;
  std::size_t bytes = 0;
  std::string last_key;
  while (true) {
    BITACORA_ASSIGN_OR_RETURN(std::optional<MergedRows::Document> next, rows.Next());
    if (!next) return page;
    const bool full =
        page.values.size() >= query.limit || bytes + next->value.size() > query.bytes_max;
    if (full && !page.values.empty()) {
      page.last_key = std::move(last_key);
      return page;
    }
    bytes += next->value.size();
    page.values.push_back(std::move(next->value));
    last_key = std::move(next->key);
  }
}

Status ReadModelStore::Flush() {
  return FromRocks(impl_->db->Flush(rocksdb::FlushOptions()), "writing documents");
}

}  // namespace bitacora::projections
