// A record as bytes: what the embedded log keeps, and what the state copies. docs/formats.md.
#pragma once

#include <bitacora/domain/record.h>

#include <optional>
#include <string>

namespace bitacora::event_store {

/// Everything of a record but its offset.
std::string EncodeRecord(std::int64_t timestamp_ms, const Record& record);
std::string EncodeRecord(const StoredRecord& record);
/// Takes the bytes over: the record's views point into them.
std::optional<StoredRecord> DecodeRecord(Offset offset, std::string bytes);

}  // namespace bitacora::event_store
