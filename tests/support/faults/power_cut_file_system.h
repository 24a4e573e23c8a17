// A file system for RocksDB whose power can be cut at any of its calls.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <rocksdb/file_system.h>

#include <bitacora/base/mutex.h>

namespace bitacora::tests {

/// Thread-safe. Of each file a cut leaves what was synced and any first part of what was written
/// since, sometimes with zeros behind it. Names are kept as they are: made, renamed and removed at
/// once.
class PowerCutFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  PowerCutFileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "PowerCutFileSystem"; }

  /// Power goes at the `n`-th call from now on that changes something (1: the next); 0 takes that
  /// back. That call and all behind it fail and change nothing. Only calls of the thread that asks
  /// for it are counted, so that a seed repeats a run whatever RocksDB does in the background.
  void CutAt(std::int64_t n);
  bool is_cut() const;

  /// Power comes back: files lose what a cut takes. No file may be open; some may have been removed
  /// by others. One `seed` leaves the same.
  void ComeBack(std::uint64_t seed);
  /// The process was killed instead: what was written stays as it is, synced or not.
  void Survive();
  /// One more call that changes something. False: no power.
  bool Count() { return Change().ok(); }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Directory;
  struct Bytes {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };

  /// Before each call that changes something: whether there is power for it.
  rocksdb::IOStatus Change();

  mutable Mutex mu_;
  std::int64_t until_cut_ GUARDED_BY(mu_) = 0;  ///< 0: none is planned.
  std::thread::id counted_ GUARDED_BY(mu_);
  bool cut_ GUARDED_BY(mu_) = false;
  std::map<std::string, Bytes> files_ GUARDED_BY(mu_);  ///< By path.
};

}  // namespace bitacora::tests
