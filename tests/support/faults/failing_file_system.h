// A file system for RocksDB whose n-th write or sync fails, as a disk's does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include <rocksdb/file_system.h>

namespace bitacora::tests {

/// Thread-safe. Counts operations on files that are written; reads always work.
class FailingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  enum class Operation { kWrite, kSync };
  /// For GoogleTest, which puts it into the names of tests.
  friend void PrintTo(Operation operation, std::ostream* out) {
    *out << (operation == Operation::kWrite ? "write" : "sync");
  }

  FailingFileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FailingFileSystem"; }

  /// The `n`-th operation of this kind from now on fails (1: the next), and `also` of those after
  /// it. A failed sync has written what it could not sync.
  void FailNth(Operation operation, std::int64_t n, std::int64_t also = 0);
  /// Failures are those of a full disk from now on.
  void BeFull() { full_ = true; }
  /// How many operations have failed so far.
  std::int64_t failures() const { return failures_; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

 private:
  friend class FailingFile;
  struct Plan {
    std::atomic<std::int64_t> until_failure{0};  ///< 0: none is planned.
    std::atomic<std::int64_t> also{0};
  };

  Plan& PlanOf(Operation operation) { return operation == Operation::kWrite ? writes_ : syncs_; }
  bool Fails(Operation operation);

  Plan writes_;
  Plan syncs_;
  std::atomic<std::int64_t> failures_{0};
  std::atomic<bool> full_{false};
};

}  // namespace bitacora::tests
