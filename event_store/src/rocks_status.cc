#include "src/rocks_status.h"

#include <string>

#include <bitacora/base/check.h>

namespace bitacora::event_store {
namespace {

ErrorCode CodeOf(const rocksdb::Status& status) {
  if (status.IsCorruption()) return ErrorCode::kCorruption;
  if (status.IsNotFound()) return ErrorCode::kNotFound;
  if (status.IsNoSpace()) return ErrorCode::kResourceExhausted;
  if (status.IsInvalidArgument() || status.IsNotSupported()) return ErrorCode::kInvalidArgument;
  return ErrorCode::kUnavailable;
}

std::string_view ReasonOf(ErrorCode code) {
  if (code == ErrorCode::kCorruption) return "log-damaged";
  if (code == ErrorCode::kResourceExhausted) return "disk-full";
  if (code == ErrorCode::kUnavailable) return "log-unavailable";
  return {};
}

}  // namespace

Error FromRocks(const rocksdb::Status& status, std::string_view doing) {
  BITACORA_CHECK(!status.ok(), "an Error of a success");
  const ErrorCode code = CodeOf(status);
  return Error(code, "cannot " + std::string(doing) + ": " + status.ToString(), ReasonOf(code));
}

}  // namespace bitacora::event_store
