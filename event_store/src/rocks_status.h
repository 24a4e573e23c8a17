// RocksDB's answers and bytes as ours. Nobody above this folder sees a foreign code.
#pragma once

#include <string_view>

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <bitacora/base/status.h>

namespace bitacora::event_store {

/// The Error for `status`, which must be none of success. `doing` says what was tried ("open the
/// log"). The message keeps RocksDB's words, among them the damaged file; they are for the operator
/// and not for clients.
///
/// Of a write it cannot be said whether it happened, whatever the code: a writer answers kTimeout.
///
/// kCorruption; kNotFound; kResourceExhausted "disk-full"; kInvalidArgument: written with other
/// options or by a newer RocksDB; kUnavailable "log-unavailable": the rest, an I/O error first of
/// all.
Error FromRocks(const rocksdb::Status& status, std::string_view doing);

inline rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view ToView(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace bitacora::event_store
