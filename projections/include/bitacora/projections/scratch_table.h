// A table for what is too big for memory and of no use afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <bitacora/base/status.h>

namespace bitacora::projections {

/// For one thread. Nothing of it survives the process in a usable form; its owner deletes the
/// directory. What was put lately is kept in memory, so that a key used again and again costs no
/// I/O.
class ScratchTable {
 public:
  /// `directory` is made and must not exist. kPermissionDenied, kUnavailable.
  static Result<std::unique_ptr<ScratchTable>> Open(const std::string& directory);
  ~ScratchTable();
  ScratchTable(const ScratchTable&) = delete;
  ScratchTable& operator=(const ScratchTable&) = delete;

  Result<std::optional<std::string>> Get(std::string_view key);
  Status Put(std::string key, std::string value);

 private:
  struct Impl;
  explicit ScratchTable(std::unique_ptr<Impl> impl);

  Status Spill();

  std::unique_ptr<Impl> impl_;
  std::unordered_map<std::string, std::string> recent_;
};

}  // namespace bitacora::projections
