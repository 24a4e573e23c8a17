#include "src/files/open_files.h"

#include <algorithm>

namespace bitacora::event_store {
namespace {

constexpr std::size_t kOpenMax = 256;

}  // namespace

Result<std::shared_ptr<const ReadFile>> OpenFiles::Get(const std::string& path) {
  MutexLock lock(mu_);
  if (const auto found = files_.find(path); found != files_.end()) {
    found->second.used = ++uses_;
    return found->second.file;
  }
  BITACORA_ASSIGN_OR_RETURN(ReadFile opened, disk_.Open(path));
  auto file = std::make_shared<const ReadFile>(std::move(opened));
  files_[path] = {file, ++uses_};
  if (files_.size() > kOpenMax) {
    files_.erase(std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  return file;
}

}  // namespace bitacora::event_store
