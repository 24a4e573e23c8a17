#include "src/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

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

Status CheckFormat(const std::string& path, DataDirectory::LogKind kind) {
  const std::string file = path + "/FORMAT";
  const std::string wanted = FormatText(kind);
  std::ifstream in(file);
  if (!in) {
    std::ofstream out(file);
    out << wanted;
    out.close();
    return out ? Status() : Status(CannotUse(file, std::strerror(errno)));
  }
  const std::string found{std::istreambuf_iterator<char>(in), {}};
  if (found == wanted) return {};
  if (!found.starts_with(kFormatLine)) {
    return Error(ErrorCode::kInvalidArgument,
                 path + " was written by a newer release of Bitacora; this one cannot read it");
  }
  return Error(ErrorCode::kConflict,
               kind == DataDirectory::LogKind::kKafka
                   ? path + " holds an embedded log; start without --kafka, or with another --data"
                   : path + " holds the state of a log on Kafka; start with --kafka, or with "
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
