#include "src/known_rows.h"

#include <algorithm>
#include <utility>

namespace bitacora::projections {
namespace {

constexpr std::size_t kBytesMax = 32u << 20;
/// A few large rows must not drive out the many.
constexpr std::size_t kRowBytesMax = 4096;
/// What a row takes beside its key and its bytes.
constexpr std::size_t kRowOverhead = 128;
/// Rows that are set before others get a turn: answers wait for the lock, too.
constexpr std::size_t kSetAtOnce = 64;

}  // namespace

std::vector<std::optional<StoredHash>> KnownRows::Find(std::span<const std::string> keys) const {
  std::vector<std::optional<StoredHash>> found(keys.size());
  const MutexLock lock(mu_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const auto known = rows_.find(keys[i]); known != rows_.end()) found[i] = known->second.hash;
  }
  return found;
}

std::optional<std::string> KnownRows::FindBytes(const std::string& key) const {
  const MutexLock lock(mu_);
  const auto known = rows_.find(key);
  if (known == rows_.end()) return std::nullopt;
  const KnownRow& row = known->second;
  if (row.hash && row.bytes.empty()) return std::nullopt;
  return row.bytes;
}

void KnownRows::Set(std::span<const std::string> keys, std::vector<KnownRow> rows) {
  for (std::size_t next = 0; next < keys.size();) {
    const std::size_t end = std::min(keys.size(), next + kSetAtOnce);
    const MutexLock lock(mu_);
    for (; next < end; ++next) SetOne(keys[next], std::move(rows[next]));
  }
}

void KnownRows::SetOne(const std::string& key, KnownRow row) {
  if (row.bytes.size() > kRowBytesMax) row.bytes = {};
  const std::size_t size = row.bytes.size();
  const auto known = rows_.find(key);
  if (known != rows_.end()) {
    bytes_ += size - known->second.bytes.size();
    known->second = std::move(row);
    return;
  }
  const std::size_t added = kRowOverhead + key.size() + size;
  if (bytes_ + added > kBytesMax) {
    rows_.clear();
    bytes_ = 0;
  }
  bytes_ += added;
  rows_.emplace(key, std::move(row));
}

void KnownRows::Clear() {
  const MutexLock lock(mu_);
  rows_.clear();
  bytes_ = 0;
}

}  // namespace bitacora::projections
