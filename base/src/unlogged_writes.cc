#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/unlogged_writes.h>

namespace bitacora {

rocksdb::Status UnloggedWrites::Write(rocksdb::DB& database, rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return database.Write(options, batch);
}

void UnloggedWrites::CountFolded(rocksdb::DB& database, std::int64_t records) {
  if (folded_.fetch_add(records) + records < records_max_) return;
  folded_ = 0;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // Else it waits until no write would be held up by it.
  database.Flush(options).PermitUncheckedError();
}

}  // namespace bitacora
