// Keeps the RocksDBs of state and read models, which lie on the same disk, away from a full one:
// Debian's build does not return an error there, it ends the process, and again at each start.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>

namespace bitacora::event_store::embedded {

/// Bytes free for us on the disk that holds `directory`, and its size.
struct DiskSpace {
  std::uint64_t free = 0;
  std::uint64_t size = 0;
};
Result<DiskSpace> MeasureDisk(const std::string& directory);

/// What RocksDB may still write after the last admitted append: two memtables, a compaction, files
/// of its own. No watermark is below it, and no log is opened with less.
inline constexpr std::uint64_t kReserveBytes = 64u << 20;

/// Watches the free space of a disk against a watermark, and keeps a ballast file there: space that
/// is given back when others fill the disk past the watermark, so that flushes under way can end.
///
/// Check is for one thread at a time and Status for any.
class FreeSpace {
 public:
  /// `watermark` 0: max(256 MiB, min(5 % of the disk, 4 GiB)). `directory` exists.
  FreeSpace(std::string directory, std::uint64_t watermark, Metrics& metrics);

  /// kResourceExhausted "disk-too-full": not enough for opening the log at all. Gives the ballast
  /// up first.
  Status CheckBeforeOpening();

  /// Measures; gives the ballast up or takes it again. Takes some µs.
  void Check();
  /// As last measured: success, or kResourceExhausted "disk-full".
  Status status() const;

 private:
  void DropBallast();
  void TakeBallast();

  const std::string directory_;
  const std::string ballast_path_;
  std::uint64_t watermark_;
  std::uint64_t ballast_bytes_ = 0;
  bool has_ballast_ = false;
  std::atomic<std::uint64_t> free_ = UINT64_MAX;
  std::atomic<bool> full_ = false;
  Gauge& free_gauge_;
};

}  // namespace bitacora::event_store::embedded
