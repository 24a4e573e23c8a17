#include <filesystem>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/rocksdb_log.h>
#include <bitacora/projections/scratch_table.h>

#include "src/rocks_status.h"

namespace bitacora::projections {
namespace {

/// Some 10 MB of entries as the drill has them.
constexpr std::size_t kRecentMax = 50'000;

}  // namespace

struct ScratchTable::Impl {
  std::unique_ptr<rocksdb::DB> db;
};

ScratchTable::ScratchTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ScratchTable::~ScratchTable() = default;

Result<std::unique_ptr<ScratchTable>> ScratchTable::Open(const std::string& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return Error(ErrorCode::kPermissionDenied,
                 "cannot make " + directory + ": " + failed.message());
  }
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16u << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.create_if_missing = true;
  options.error_if_exists = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = 32u << 20;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.max_open_files = 256;
  options.info_log = RocksLog("scratch table");
  rocksdb::DB* opened = nullptr;
  BITACORA_RETURN_IF_ERROR(
      FromRocks(rocksdb::DB::Open(options, directory, &opened), "making a scratch table"));
  auto impl = std::make_unique<Impl>();
  impl->db.reset(opened);
  return std::unique_ptr<ScratchTable>(new ScratchTable(std::move(impl)));
}

Result<std::optional<std::string>> ScratchTable::Get(std::string_view key) {
  if (const auto found = recent_.find(std::string(key)); found != recent_.end()) {
    return std::optional(found->second);
  }
  std::string value;
  const rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  BITACORA_RETURN_IF_ERROR(FromRocks(status, "reading a scratch table"));
  return std::optional(std::move(value));
}

Status ScratchTable::Put(std::string key, std::string value) {
  recent_.insert_or_assign(std::move(key), std::move(value));
  return recent_.size() < kRecentMax ? Status() : Spill();
}

Status ScratchTable::Spill() {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : recent_) batch.Put(key, value);
  recent_.clear();
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromRocks(impl_->db->Write(options, &batch), "writing a scratch table");
}

}  // namespace bitacora::projections
