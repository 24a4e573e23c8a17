// A record as a log keeps it, Kafka's model: key, value, headers, time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/domain/ids.h>

namespace bitacora {

struct RecordHeader {
  std::string name;
  std::string value;
  bool operator==(const RecordHeader&) const = default;
};

/// A record on its way into a log.
struct Record {
  std::optional<std::string> key;
  std::string value;
  std::vector<RecordHeader> headers;
};

struct RecordHeaderView {
  std::string_view name;
  std::string_view value;  ///< A null value (Kafka has them) reads as empty.
};

/// A record out of a log. Copies share the bytes, which live as long as the last copy does.
struct StoredRecord {
  Offset offset;
  std::int64_t timestamp_ms = 0;  ///< What the log says; may be rewritten by a restore.
  std::optional<std::string_view> key;
  std::string_view value;     ///< Empty where is_tombstone.
  bool is_tombstone = false;  ///< The value is null, not empty.
  std::vector<RecordHeaderView> headers;
  /// Keeps what the views above point to. Shared by all copies of this record.
  std::shared_ptr<const void> bytes;

  /// The value of the only header called `name`; nothing where there is none or several.
  std::optional<std::string_view> FindHeader(std::string_view name) const;
};

/// `record` as a log would give it back, with bytes of its own.
StoredRecord MakeStoredRecord(Offset offset, std::int64_t timestamp_ms, Record record);

/// Where a key belongs: murmur2 as Kafka's Java client computes it, over `partitions` (> 0).
Partition PartitionOf(std::string_view key, std::int32_t partitions);

}  // namespace bitacora
