#include "support/faults/failing_file_system.h"

#include <utility>

namespace bitacora::tests {

using rocksdb::DataVerificationInfo;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FailingFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailingFile(FailingFileSystem& file_system, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), file_system_(file_system) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (file_system_.Fails(FailingFileSystem::Operation::kWrite)) return Failed();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& check,
                  IODebugContext* debug) override {
    if (file_system_.Fails(FailingFileSystem::Operation::kWrite)) return Failed();
    return FSWritableFileOwnerWrapper::Append(data, options, check, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (file_system_.Fails(FailingFileSystem::Operation::kSync)) return Failed();
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (file_system_.Fails(FailingFileSystem::Operation::kSync)) return Failed();
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  IOStatus Failed() const {
    return file_system_.full_ ? IOStatus::NoSpace("a planned failure")
                              : IOStatus::IOError("a planned failure");
  }

  FailingFileSystem& file_system_;
};

void FailingFileSystem::FailNth(Operation operation, std::int64_t n, std::int64_t also) {
  Plan& plan = PlanOf(operation);
  plan.also = also;
  plan.until_failure = n;
}

bool FailingFileSystem::Fails(Operation operation) {
  Plan& plan = PlanOf(operation);
  if (plan.until_failure <= 0) return false;
  if (plan.until_failure.fetch_sub(1) != 1) return false;
  if (plan.also > 0) {
    --plan.also;
    plan.until_failure = 1;
  }
  ++failures_;
  return true;
}

IOStatus FailingFileSystem::NewWritableFile(const std::string& name,
                                            const rocksdb::FileOptions& options,
                                            std::unique_ptr<FSWritableFile>* result,
                                            IODebugContext* debug) {
  std::unique_ptr<FSWritableFile> file;
  IOStatus opened = FileSystemWrapper::NewWritableFile(name, options, &file, debug);
  // RocksDB's own log (LOG) is no part of what must hold.
  if (opened.ok() && name.find("/LOG") == std::string::npos) {
    *result = std::make_unique<FailingFile>(*this, std::move(file));
  } else {
    *result = std::move(file);
  }
  return opened;
}

}  // namespace bitacora::tests
