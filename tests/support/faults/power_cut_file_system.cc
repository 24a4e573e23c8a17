#include "support/faults/power_cut_file_system.h"

#include <filesystem>
#include <random>
#include <utility>

#include "support/seed.h"

namespace bitacora::tests {

using rocksdb::DataVerificationInfo;
using rocksdb::DirFsyncOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class PowerCutFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(PowerCutFileSystem& disk, std::string name, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), name_(std::move(name)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Written(data.size(),
                   [&] { return FSWritableFileOwnerWrapper::Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& check,
                  IODebugContext* debug) override {
    return Written(data.size(),
                   [&] { return FSWritableFileOwnerWrapper::Append(data, options, check, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Synced([&] { return FSWritableFileOwnerWrapper::Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Synced([&] { return FSWritableFileOwnerWrapper::Fsync(options, debug); });
  }

 private:
  template <typename Write>
  IOStatus Written(std::size_t bytes, Write write) {
    IOStatus done = disk_.Change();
    if (done.ok()) done = write();
    if (!done.ok()) return done;
    const MutexLock lock(disk_.mu_);
    disk_.files_[name_].written += bytes;
    return done;
  }
  template <typename Sync>
  IOStatus Synced(Sync sync) {
    IOStatus done = disk_.Change();
    if (done.ok()) done = sync();
    if (!done.ok()) return done;
    const MutexLock lock(disk_.mu_);
    Bytes& bytes = disk_.files_[name_];
    bytes.synced = bytes.written;
    return done;
  }

  PowerCutFileSystem& disk_;
  const std::string name_;  // RocksDB renames no file that it still writes.
};

class PowerCutFileSystem::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(PowerCutFileSystem& disk, std::unique_ptr<FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), disk_(disk) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus done = disk_.Change();
    return done.ok() ? FSDirectoryWrapper::Fsync(options, debug) : done;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const DirFsyncOptions& why) override {
    IOStatus done = disk_.Change();
    return done.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why) : done;
  }

 private:
  PowerCutFileSystem& disk_;
};

void PowerCutFileSystem::CutAt(std::int64_t n) {
  const MutexLock lock(mu_);
  until_cut_ = n;
  counted_ = std::this_thread::get_id();
}

void PowerCutFileSystem::Survive() {
  const MutexLock lock(mu_);
  until_cut_ = 0;
  cut_ = false;
}

bool PowerCutFileSystem::is_cut() const {
  const MutexLock lock(mu_);
  return cut_;
}

IOStatus PowerCutFileSystem::Change() {
  const MutexLock lock(mu_);
  const bool counted = until_cut_ > 0 && std::this_thread::get_id() == counted_;
  if (counted && --until_cut_ == 0) cut_ = true;
  return cut_ ? IOStatus::IOError("the power is cut") : IOStatus::OK();
}

void PowerCutFileSystem::ComeBack(std::uint64_t seed) {
  const MutexLock lock(mu_);
  // By the place among files of its kind: what RocksDB has done in the background meanwhile, and
  // with it the numbers in names, must not decide what is left of a log.
  std::map<std::filesystem::path, std::uint64_t> places;
  for (auto& [name, bytes] : files_) {
    const std::filesystem::path path(name);
    const std::uint64_t place = ++places[path.parent_path() / path.extension()];
    std::mt19937_64 random(seed ^ (place * 0x9E3779B97F4A7C15U));
    const std::uint64_t unsynced = bytes.written - bytes.synced;
    const bool shortened = unsynced > 0 && random() % 3 != 0;
    if (shortened && std::filesystem::exists(path)) {
      const std::uint64_t kept = bytes.synced + testing::Below(random, unsynced + 1);
      std::filesystem::resize_file(path, kept);
      // Zeros, where the disk had noted how long the file is before it had the bytes.
      if (random() % 4 == 0) std::filesystem::resize_file(path, bytes.written);
      bytes.written = std::filesystem::file_size(path);
    }
    bytes.synced = bytes.written;
  }
  until_cut_ = 0;
  cut_ = false;
}

IOStatus PowerCutFileSystem::NewWritableFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<FSWritableFile>* result,
                                             IODebugContext* debug) {
  IOStatus done = Change();
  std::unique_ptr<FSWritableFile> file;
  if (done.ok()) done = FileSystemWrapper::NewWritableFile(name, options, &file, debug);
  if (!done.ok()) return done;
  *result = std::make_unique<File>(*this, name, std::move(file));
  const MutexLock lock(mu_);
  files_[name] = Bytes();
  return done;
}

IOStatus PowerCutFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                          std::unique_ptr<FSDirectory>* result,
                                          IODebugContext* debug) {
  std::unique_ptr<FSDirectory> directory;
  IOStatus done = FileSystemWrapper::NewDirectory(name, options, &directory, debug);
  if (done.ok()) *result = std::make_unique<Directory>(*this, std::move(directory));
  return done;
}

IOStatus PowerCutFileSystem::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& options, IODebugContext* debug) {
  IOStatus done = Change();
  if (done.ok()) done = FileSystemWrapper::RenameFile(from, to, options, debug);
  if (!done.ok()) return done;
  const MutexLock lock(mu_);
  if (auto moved = files_.extract(from)) {
    files_.erase(to);
    moved.key() = to;
    files_.insert(std::move(moved));
  }
  return done;
}

IOStatus PowerCutFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                        IODebugContext* debug) {
  IOStatus done = Change();
  if (done.ok()) done = FileSystemWrapper::DeleteFile(name, options, debug);
  if (!done.ok()) return done;
  const MutexLock lock(mu_);
  files_.erase(name);
  return done;
}

}  // namespace bitacora::tests
