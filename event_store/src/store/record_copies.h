// The records that the state copies (on Kafka), in files of their own: written once, and not
// synced. They outlive the process, as the state's write-ahead log does. What a power cut takes of
// them is read from the log again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>

#include "src/files/disk.h"
#include "src/files/frame.h"
#include "src/files/open_files.h"
#include "src/store/state_codec.h"

namespace bitacora::event_store {

/// Thread-safe.
class RecordCopies {
 public:
  /// In `directory`, which is there. Goes on behind the files that are in it. `file_bytes`: from
  /// which on another file follows.
  static Result<std::unique_ptr<RecordCopies>> Open(const Disk& disk, const std::string& directory,
                                                    std::uint64_t file_bytes = 128u << 20);

  /// The copied records of a run, which are somebody else's, and the key of the row that names
  /// their place.
  struct Run {
    std::string key;
    std::string_view records;
  };
  static constexpr std::size_t kRunBytesMax = kPayloadBytesMax - 1024;  ///< Of records; for Write.
  /// Says where each is. kUnavailable, kResourceExhausted: none of them is of use.
  Result<std::vector<CopyPlace>> Write(std::span<const Run> runs) EXCLUDES(mu_);

  /// The records of the run with `key`, so many bytes; nothing where they are not there any more,
  /// whole and sound.
  std::optional<std::string> Read(const CopyPlace& place, std::string_view key,
                                  std::size_t bytes) const;

 private:
  RecordCopies(const Disk& disk, std::string directory, std::uint64_t file_bytes)
      : disk_(disk), directory_(std::move(directory)), file_bytes_(file_bytes), open_(disk_) {}
  std::string PathOf(std::uint64_t file) const;
  /// Makes the next file.
  Status Begin() REQUIRES_LOCK(mu_);

  const Disk disk_;
  const std::string directory_;
  const std::uint64_t file_bytes_;
  mutable OpenFiles open_;

  Mutex mu_;
  std::uint64_t number_ GUARDED_BY(mu_) = 0;  ///< Of the newest file.
  std::optional<AppendedFile> file_ GUARDED_BY(mu_);
  std::uint64_t bytes_ GUARDED_BY(mu_) = 0;  ///< Of it.
  FrameGroup group_ GUARDED_BY(mu_);         ///< What is written at once.
};

}  // namespace bitacora::event_store
