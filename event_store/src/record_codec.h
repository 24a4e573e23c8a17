// A record as bytes: what the embedded log keeps, and what the state copies. docs/formats.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/domain/record.h>

namespace bitacora::event_store {

/// Key, value and headers.
std::string EncodeBody(const Record& record);
/// Sets key, value and headers of `record` to views into `body`. False: `body` is not EncodeBody's.
bool DecodeBody(std::string_view body, StoredRecord* record);

/// Everything of a record but its offset: its time, then its body.
std::string EncodeRecord(const StoredRecord& record);
/// The record's views point into `bytes`, which `owner` keeps.
std::optional<StoredRecord> DecodeRecord(Offset offset, std::string_view bytes,
                                         std::shared_ptr<const void> owner);

}  // namespace bitacora::event_store
