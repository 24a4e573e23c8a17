// How long the log is known to be: a small file beside RocksDB's, so that a log that comes back shorter
// is refused.
#pragma once

#include <bitacora/base/status.h>

#include <cstdint>
#include <optional>
#include <string>

namespace bitacora::event_store {

/// Holds RocksDB's sequence number after each acknowledged write. It is written after the sync and not
/// synced itself: after a kill it is exact, after a power cut it may be older, and it is never ahead of
/// what was synced. For one thread.
class CheckpointFile {
 public:
  /// kCorruption where the file is there and is none of ours.
  static Result<CheckpointFile> Open(const std::string& path);
  CheckpointFile(CheckpointFile&& other) noexcept;
  CheckpointFile& operator=(CheckpointFile&&) = delete;
  ~CheckpointFile();

  /// What it said when it was opened.
  std::uint64_t sequence() const { return sequence_; }
  void Write(std::uint64_t sequence);

 private:
  CheckpointFile(int file, std::uint64_t sequence) : file_(file), sequence_(sequence) {}

  int file_;
  std::uint64_t sequence_;
};

}  // namespace bitacora::event_store
