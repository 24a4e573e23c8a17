// The one place where RocksDB's errors become ours.
#pragma once

#include <bitacora/base/status.h>

#include <rocksdb/status.h>

#include <string_view>

namespace bitacora::event_store {

/// `doing` is part of a sentence: "reading the log". RocksDB's own text goes to the program's log, the
/// error's sentence says what it means. A write's error leaves open whether it was written: use
/// OutcomeOfWrite there.
Status FromRocks(const rocksdb::Status& status, std::string_view doing);

/// Of a synced write: any failure is kTimeout, since what failed to sync may be there after the next
/// start (RELIABILITY.md, fact 6).
Status OutcomeOfWrite(const rocksdb::Status& status);

}  // namespace bitacora::event_store
