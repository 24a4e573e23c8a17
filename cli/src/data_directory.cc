#include "src/data_directory.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace bitacora::cli {
namespace {

/// Of the directory as a whole; parts have formats of their own.
constexpr std::string_view kFormatLine = "bitacora 1\n";

std::string FormatText(DataDirectory::LogKind kind) {
  return std::string(kFormatLine) +
         (kind == DataDirectory::LogKind::kEmbedded ? "log embedded\n" : "log kafka\n");
}

Error CannotUse(const std::string& path, std::string_view what) {
  return {ErrorCode::kPermissionDenied, "cannot use " + path + ": " + std::string(what)};
}

/// Open until the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags, 0644)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  const int number_;
};

/// Makes the names in a directory survive a power cut.
Status SyncDirectory(const std::string& path) {
  const Descriptor directory(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory.number() < 0 || ::fsync(directory.number()) != 0) {
    return CannotUse(path, std::strerror(errno));
  }
  return {};
}

/// Whole or not at all, also after a power cut: else an empty FORMAT would make the log unreadable.
Status WriteFormat(const std::string& path, const std::string& text) {
  const std::string file = path + "/FORMAT";
  const std::string unfinished = file + ".new";
  {
    const Descriptor out(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (out.number() < 0 ||
        ::write(out.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(out.number()) != 0) {
      return CannotUse(unfinished, std::strerror(errno));
    }
  }
  if (::rename(unfinished.c_str(), file.c_str()) != 0) {
    return CannotUse(file, std::strerror(errno));
  }
  BITACORA_RETURN_IF_ERROR(SyncDirectory(path));
  const auto absolute = std::filesystem::absolute(path).lexically_normal();
  return SyncDirectory((absolute / "..").lexically_normal().string());
}

Status CheckFormat(const std::string& path, DataDirectory::LogKind kind) {
  const std::string wanted = FormatText(kind);
  std::ifstream in(path + "/FORMAT");
  if (!in) return WriteFormat(path, wanted);
  const std::string found{std::istreambuf_iterator<char>(in), {}};
  if (found == wanted) return {};
  if (!found.starts_with(kFormatLine)) {
    return Error(ErrorCode::kInvalidArgument,
                 path + " was written by a newer release of Bitacora; this one cannot read it");
  }
  return Error(ErrorCode::kConflict,
               kind == DataDirectory::LogKind::kKafka
                   ? path + " holds an embedded log; start without --kafka, or with another --data"
                   : path +
                         " holds the state of a log on Kafka; start with --kafka, or with "
                         "another --data");
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path, LogKind kind) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return CannotUse(path, failed.message());
  const int lock = ::open((path + "/LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return CannotUse(path, std::strerror(errno));
  auto directory = std::unique_ptr<DataDirectory>(new DataDirectory(path, lock));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return Error(ErrorCode::kAlreadyExists,
                 path + " is in use by another bitacora; stop it, or give another --data");
  }
  BITACORA_RETURN_IF_ERROR(CheckFormat(path, kind));
  return directory;
}

DataDirectory::~DataDirectory() { ::close(lock_); }

}  // namespace bitacora::cli
