// Files of segments, through RocksDB's file system, for which there are such that fail and lose
// power. Errors name the file; a full disk is kResourceExhausted "disk-full".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/file_system.h>

#include <bitacora/base/status.h>

namespace bitacora::event_store {

/// A file that grows at its end. Until it is closed there may be zeros behind what was appended.
/// For one thread.
class AppendedFile {
 public:
  AppendedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  Status Append(std::string_view bytes);
  /// What was appended is on the disk when it returns.
  Status Sync();

 private:
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::string path_;
  std::uint64_t bytes_ = 0;
};

/// Thread-safe.
class ReadFile {
 public:
  ReadFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  /// At most `size` bytes from `at`, kept in `space`; fewer only where the file ends.
  Result<std::string_view> Read(std::uint64_t at, std::size_t size, std::string* space) const;
  const std::string& path() const { return path_; }

 private:
  std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
  std::string path_;
};

/// Thread-safe.
class Disk {
 public:
  /// Null: the machine's.
  explicit Disk(std::shared_ptr<rocksdb::FileSystem> file_system);

  /// Empties a file that is there already.
  Result<AppendedFile> Create(const std::string& path) const;
  /// kNotFound.
  Result<ReadFile> Open(const std::string& path) const;
  Result<std::uint64_t> SizeOf(const std::string& path) const;
  /// Names in `directory`; none where there is no such directory.
  Result<std::vector<std::string>> List(const std::string& directory) const;
  /// In place of a file that has the name.
  Status Rename(const std::string& from, const std::string& to) const;
  /// If it is there and can be.
  void Remove(const std::string& path) const;
  /// The names in `directory` are on the disk when it returns.
  Status SyncDirectory(const std::string& directory) const;
  /// A second name for a file that nobody writes any more, or else a synced copy. kAlreadyExists:
  /// there is such a name.
  Status LinkOrCopy(const std::string& from, const std::string& to) const;
  /// A synced copy of the first `bytes`, which are there.
  Status CopyStart(const std::string& from, const std::string& to, std::uint64_t bytes) const;

 private:
  std::shared_ptr<rocksdb::FileSystem> files_;
};

}  // namespace bitacora::event_store
