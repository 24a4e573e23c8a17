#include "src/embedded/posix_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bitacora::event_store::embedded {

Error FromErrno(int error, std::string_view doing, const std::string& path) {
  std::string message =
      "cannot " + std::string(doing) + " " + path + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return Error(ErrorCode::kNotFound, std::move(message));
    case EACCES:
    case EPERM:
    case EROFS:
      return Error(ErrorCode::kPermissionDenied, std::move(message));
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::kResourceExhausted, std::move(message), "disk-full");
    default:
      return Error(ErrorCode::kUnavailable, std::move(message));
  }
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

Result<PosixFile> PosixFile::Open(const std::string& path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::kRead:
      flags |= O_RDONLY;
      break;
    case Mode::kReadWrite:
      flags |= O_RDWR;
      break;
    case Mode::kCreate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  const int descriptor = ::open(path.c_str(), flags, 0640);
  if (descriptor < 0) return FromErrno(errno, "open", path);
  return PosixFile(descriptor, path);
}

Status PosixFile::WriteAt(std::uint64_t at, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno(errno, "write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<std::string> PosixFile::ReadAt(std::uint64_t at, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got =
        ::pread(descriptor_, bytes.data() + have, size - have, static_cast<off_t>(at + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno(errno, "read", path_);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Status PosixFile::Sync() {
  if (::fdatasync(descriptor_) != 0) return FromErrno(errno, "sync", path_);
  return {};
}

Status PosixFile::Reserve(std::uint64_t bytes) {
  // posix_fallocate would write zeros where the file system cannot reserve; that is as good here.
  if (const int error = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(bytes)); error != 0) {
    return FromErrno(error, "reserve space for", path_);
  }
  return {};
}

Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return FromErrno(error.value(), "make the directory", path);
  return {};
}

Status SyncDirectory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, "open", path);
  const int synced = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  if (synced != 0) return FromErrno(error, "sync", path);
  return {};
}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace bitacora::event_store::embedded
