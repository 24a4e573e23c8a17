#include "src/files/disk.h"

#include <algorithm>
#include <utility>

#include "src/rocks_status.h"

namespace bitacora::event_store {
namespace {

constexpr std::size_t kCopyBytes = 1u << 20;
/// Space that a file is given at once. It then has this length before it has the bytes: a sync need
/// not note a new length each time, and costs two thirds (ext4).
constexpr std::size_t kReservedBytes = 4u << 20;

/// Of a failed call on `path`. That a file is not there may be damage or not: the caller knows.
Error Failed(const rocksdb::IOStatus& status, std::string_view doing, const std::string& path) {
  const std::string what = std::string(doing) + " " + path;
  if (status.IsPathNotFound()) return Error(ErrorCode::kNotFound, "there is no " + path);
  return FromRocks(status, what);
}

}  // namespace

Status AppendedFile::Append(std::string_view bytes) {
  file_->PrepareWrite(bytes_, bytes.size(), {}, nullptr);
  bytes_ += bytes.size();
  const auto done = file_->Append(ToSlice(bytes), {}, nullptr);
  return done.ok() ? Status() : Failed(done, "write", path_);
}

Status AppendedFile::Sync() {
  const auto done = file_->Sync({}, nullptr);
  return done.ok() ? Status() : Failed(done, "sync", path_);
}

Result<std::string_view> ReadFile::Read(std::uint64_t at, std::size_t size,
                                        std::string* space) const {
  if (space->size() < size) space->resize(size);
  rocksdb::Slice got;
  const auto done = file_->Read(at, size, {}, &got, space->data(), nullptr);
  if (!done.ok()) return Failed(done, "read", path_);
  return ToView(got);
}

Disk::Disk(std::shared_ptr<rocksdb::FileSystem> file_system)
    : files_(file_system ? std::move(file_system) : rocksdb::FileSystem::Default()) {}

Result<AppendedFile> Disk::Create(const std::string& path) const {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::FileOptions options;
  options.fallocate_with_keep_size = false;
  const auto done = files_->NewWritableFile(path, options, &file, nullptr);
  if (!done.ok()) return Failed(done, "make", path);
  file->SetPreallocationBlockSize(kReservedBytes);
  return AppendedFile(std::move(file), path);
}

Result<ReadFile> Disk::Open(const std::string& path) const {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const auto done = files_->NewRandomAccessFile(path, {}, &file, nullptr);
  if (!done.ok()) return Failed(done, "open", path);
  return ReadFile(std::move(file), path);
}

Result<std::uint64_t> Disk::SizeOf(const std::string& path) const {
  std::uint64_t size = 0;
  const auto done = files_->GetFileSize(path, {}, &size, nullptr);
  if (!done.ok()) return Failed(done, "look at", path);
  return size;
}

Result<std::vector<std::string>> Disk::List(const std::string& directory) const {
  std::vector<std::string> names;
  const auto done = files_->GetChildren(directory, {}, &names, nullptr);
  if (done.IsNotFound() || done.IsPathNotFound()) return std::vector<std::string>();
  if (!done.ok()) return Failed(done, "list", directory);
  return names;
}

Status Disk::Rename(const std::string& from, const std::string& to) const {
  const auto done = files_->RenameFile(from, to, {}, nullptr);
  return done.ok() ? Status() : Failed(done, "rename", from);
}

void Disk::Remove(const std::string& path) const {
  files_->DeleteFile(path, {}, nullptr).PermitUncheckedError();
}

Status Disk::SyncDirectory(const std::string& directory) const {
  std::unique_ptr<rocksdb::FSDirectory> names;
  auto done = files_->NewDirectory(directory, {}, &names, nullptr);
  if (done.ok()) done = names->Fsync({}, nullptr);
  return done.ok() ? Status() : Failed(done, "sync", directory);
}

Status Disk::LinkOrCopy(const std::string& from, const std::string& to) const {
  if (files_->LinkFile(from, to, {}, nullptr).ok()) return {};
  // It may be another name of the same file: making it anew would empty that.
  if (files_->FileExists(to, {}, nullptr).ok()) {
    return Error(ErrorCode::kAlreadyExists, "there is " + to + " already");
  }
  BITACORA_ASSIGN_OR_RETURN(const std::uint64_t bytes, SizeOf(from));
  return CopyStart(from, to, bytes);
}

Status Disk::CopyStart(const std::string& from, const std::string& to, std::uint64_t bytes) const {
  BITACORA_ASSIGN_OR_RETURN(const ReadFile source, Open(from));
  BITACORA_ASSIGN_OR_RETURN(AppendedFile target, Create(to));
  std::string space;
  for (std::uint64_t at = 0; at < bytes;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, bytes - at));
    BITACORA_ASSIGN_OR_RETURN(const std::string_view part, source.Read(at, size, &space));
    if (part.empty()) {
      return Error(ErrorCode::kCorruption, from + " is shorter than it was", "log-damaged");
    }
    BITACORA_RETURN_IF_ERROR(target.Append(part));
    at += part.size();
  }
  return target.Sync();
}

}  // namespace bitacora::event_store
