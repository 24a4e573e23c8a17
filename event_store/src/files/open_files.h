// Files that are read, kept open.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>

#include "src/files/disk.h"

namespace bitacora::event_store {

/// The files that were asked for last; others are closed when nobody reads them any more.
/// Thread-safe.
class OpenFiles {
 public:
  explicit OpenFiles(const Disk& disk) : disk_(disk) {}
  /// kNotFound, kUnavailable.
  Result<std::shared_ptr<const ReadFile>> Get(const std::string& path) EXCLUDES(mu_);

 private:
  struct Entry {
    std::shared_ptr<const ReadFile> file;
    std::uint64_t used = 0;
  };
  const Disk& disk_;
  Mutex mu_;
  std::uint64_t uses_ GUARDED_BY(mu_) = 0;
  std::map<std::string, Entry> files_ GUARDED_BY(mu_);
};

}  // namespace bitacora::event_store
