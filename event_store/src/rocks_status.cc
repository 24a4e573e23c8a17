#include "src/rocks_status.h"

#include <bitacora/base/log.h>

#include <string>

namespace bitacora::event_store {

Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  LogError("RocksDB failed", {{"doing", doing}, {"error", status.ToString()}});
  if (status.IsCorruption()) {
    return Error(ErrorCode::kCorruption, std::string(doing) + ": damaged: " + status.ToString(),
                 "log-damaged");
  }
  if (status.IsNotFound()) return Error(ErrorCode::kNotFound, std::string(doing) + ": not there");
  return Error(ErrorCode::kUnavailable, std::string(doing) + " failed", "log-unavailable");
}

Status OutcomeOfWrite(const rocksdb::Status& status) {
  if (status.ok()) return {};
  LogError("a write to the log failed; whether it is there is not known",
           {{"error", status.ToString()}});
  return Error(ErrorCode::kTimeout, "the disk failed while the record was written",
               "append-undecided");
}

}  // namespace bitacora::event_store
