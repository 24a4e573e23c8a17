// The one place where RocksDB's errors become ours.
#pragma once

#include <string_view>

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <bitacora/base/status.h>

namespace bitacora::projections {

/// Bytes that do not mean anything; `what` they should have been.
Error Damaged(std::string_view what);

/// kCorruption "state-damaged" for bytes that are not what was written, kUnavailable for a disk
/// that does not answer. RocksDB's own text goes to the program's log.
Status FromRocks(const rocksdb::Status& status, std::string_view doing);

inline rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace bitacora::projections
