// RocksDB databases that are not synced, after a power cut.
#pragma once

#include <memory>
#include <string>

namespace rocksdb {
struct DBOptions;
}

namespace bitacora {

/// Has RocksDB replay its write-ahead logs up to the first gap, and nothing behind it. What is
/// there after a power cut is then a prefix of what was written.
///
/// The disk may have kept a log and not the end of the one before it. RocksDB notices that where it
/// broke a record; where the end is missing from one record on, or the whole log, it goes on with
/// the next log (release notes of 6.14.6: "gaps are still possible"), and a position would be there
/// without the rows that it counts.
class PrefixReplay {
 public:
  /// For the database in `directory`, whose logs are there, too. Must outlive the database that is
  /// opened with `options`. Every write must be in the logs: none without WAL beside others with,
  /// no ingested files, no two write queues; and avoid_flush_during_recovery stays false. Read only
  /// means that nobody writes it.
  PrefixReplay(const std::string& directory, rocksdb::DBOptions* options);
  ~PrefixReplay();
  PrefixReplay(const PrefixReplay&) = delete;
  PrefixReplay& operator=(const PrefixReplay&) = delete;

 private:
  class Filter;
  std::unique_ptr<Filter> filter_;
};

}  // namespace bitacora
