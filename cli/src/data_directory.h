// The directory of one node: who uses it, which format it has, and which log it belongs to.
#pragma once

#include <memory>
#include <string>

#include <bitacora/base/status.h>

namespace bitacora::cli {

/// Holds `DIR/LOCK` for as long as it lives, so that no second process opens the directory.
class DataDirectory {
 public:
  enum class LogKind { kEmbedded, kKafka };

  /// Makes the directory where there is none. kAlreadyExists: another process uses it. kConflict:
  /// it belongs to the other kind of log. kInvalidArgument: written by a newer release.
  /// kPermissionDenied: cannot be written.
  static Result<std::unique_ptr<DataDirectory>> Open(const std::string& path, LogKind kind);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  std::string log_path() const { return path_ + "/log"; }
  /// All but the log: may be deleted while nobody uses the directory.
  std::string state_path() const { return path_ + "/state"; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const int lock_;
};

}  // namespace bitacora::cli
