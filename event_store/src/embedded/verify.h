// The checks that stand between an opened database and the claim that it holds the log.
#pragma once

#include <cstdint>
#include <string>

#include <rocksdb/db.h>

#include <bitacora/base/status.h>

#include "src/embedded/storage.h"
#include "src/embedded/witness.h"

namespace bitacora::event_store::embedded {

/// That every blob file is there and as long as it was; RocksDB looks at tables only. kCorruption.
Status CheckBlobFiles(rocksdb::DB* db, const std::string& db_directory);

/// Reads the catalog and the head of each partition. kCorruption; kInvalidArgument: a newer format.
Result<Contents> ReadContents(rocksdb::DB* db);

/// Keys in all tables and memtables; no key is ever written twice.
Result<std::uint64_t> CountEntries(rocksdb::DB* db);
/// Format and identity.
inline constexpr std::uint64_t kEntriesOfNewLog = 2;

/// That no record between the first and the head of any partition is missing: their number is
/// the number of entries. Costs no reading of records.
///
/// For a database that is open for reading only, so that nothing moves meanwhile. kCorruption.
Status CheckComplete(rocksdb::DB* db, const Contents& contents);

/// That the log holds what `testimony` says, and perhaps more. kCorruption.
Status CheckAgainst(rocksdb::DB* db, const Contents& contents, const Testimony& testimony);

/// The stamp of a record that must exist. kCorruption, kUnavailable.
Result<Stamp> ReadStampFrom(rocksdb::DB* db, TopicNumber topic, Partition partition, Offset offset);

}  // namespace bitacora::event_store::embedded
