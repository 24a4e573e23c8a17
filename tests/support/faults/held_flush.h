// A file system for RocksDB on which no table is written, so that logs stay beside each other.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <rocksdb/file_system.h>

#include <bitacora/base/mutex.h>

namespace bitacora::tests {

/// Thread-safe. Whoever flushes between Hold and Release waits.
class HeldFlush final : public rocksdb::FileSystemWrapper {
 public:
  HeldFlush() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  ~HeldFlush() override { Release(); }
  const char* Name() const override { return "HeldFlush"; }

  void Hold() {
    const MutexLock lock(mu_);
    held_ = true;
  }
  void Release() {
    const MutexLock lock(mu_);
    held_ = false;
    changed_.notify_all();
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (name.ends_with(".sst")) {
      MutexLock lock(mu_);
      while (held_) lock.Wait(changed_);
    }
    return FileSystemWrapper::NewWritableFile(name, options, result, debug);
  }

 private:
  Mutex mu_;
  std::condition_variable changed_;
  bool held_ GUARDED_BY(mu_) = false;
};

/// The write-ahead logs of a database that have something in them, oldest first.
inline std::set<std::filesystem::path> LogsIn(const std::filesystem::path& directory) {
  std::set<std::filesystem::path> logs;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() == ".log" && file.file_size() > 0) logs.insert(file.path());
  }
  return logs;
}

/// Copies what a kill would leave of the database in `directory` now, without the oldest log's
/// bytes from `kept` on, as a power cut may leave it that kept the newer one.
inline void CopyWithShortLog(const std::filesystem::path& directory,
                             const std::filesystem::path& copy, std::uintmax_t kept) {
  std::filesystem::remove_all(copy);
  std::filesystem::copy(directory, copy, std::filesystem::copy_options::recursive);
  const auto logs = LogsIn(copy);
  std::filesystem::resize_file(*logs.begin(), kept);
}

}  // namespace bitacora::tests
