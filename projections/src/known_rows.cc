#include "src/known_rows.h"

namespace bitacora::projections {
namespace {

constexpr std::size_t kRowsMax = 65'536;

}  // namespace

std::vector<std::optional<StoredHash>> KnownRows::Find(std::span<const std::string> keys) const {
  std::vector<std::optional<StoredHash>> found(keys.size());
  const MutexLock lock(mu_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const auto known = rows_.find(keys[i]); known != rows_.end()) found[i] = known->second;
  }
  return found;
}

void KnownRows::Set(std::span<const std::string> keys, std::span<const StoredHash> rows) {
  const MutexLock lock(mu_);
  if (rows_.size() + keys.size() > kRowsMax) rows_.clear();
  for (std::size_t i = 0; i < keys.size(); ++i) rows_.insert_or_assign(keys[i], rows[i]);
}

void KnownRows::Clear() {
  const MutexLock lock(mu_);
  rows_.clear();
}

}  // namespace bitacora::projections
