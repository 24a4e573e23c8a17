// Calls on files that RocksDB's file system (disk.h) does not have: writing in place, reserving.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>

namespace bitacora::event_store::embedded {

/// A descriptor that is closed with its owner.
class PosixFile {
 public:
  enum class Mode { kRead, kReadWrite, kCreate };

  PosixFile() = default;
  ~PosixFile();
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;

  /// kNotFound, kPermissionDenied, kUnavailable; kCreate makes the file or empties it.
  static Result<PosixFile> Open(const std::string& path, Mode mode);

  /// All of `bytes` at `at`, without syncing.
  Status WriteAt(std::uint64_t at, std::string_view bytes);
  /// At most `size` bytes from `at`; fewer only at the end of the file.
  Result<std::string> ReadAt(std::uint64_t at, std::size_t size) const;
  /// What was written is on the disk when it returns.
  Status Sync();
  /// Takes `bytes` of the disk for the file; kResourceExhausted where there are not as many.
  Status Reserve(std::uint64_t bytes);

 private:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::string path_;
};

/// Makes `path` and what is missing above it.
Status MakeDirectories(const std::string& path);
/// The names in `path` are on the disk when it returns.
Status SyncDirectory(const std::string& path);
bool FileExists(const std::string& path);

/// The error of the last failed call: "cannot DOING PATH: reason".
Error FromErrno(int error, std::string_view doing, const std::string& path);

}  // namespace bitacora::event_store::embedded
