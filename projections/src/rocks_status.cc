#include "src/rocks_status.h"

#include <string>

#include <bitacora/base/log.h>

namespace bitacora::projections {

Error Damaged(std::string_view what) {
  return {ErrorCode::kCorruption,
          "the read models are damaged (" + std::string(what) +
              "); stop the server and delete its state directory, it comes back from the log",
          "state-damaged"};
}

Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  LogError("the read models failed", {{"doing", doing}, {"error", status.ToString()}});
  if (status.IsCorruption()) return Damaged(doing);
  return Error(ErrorCode::kUnavailable, std::string(doing) + " failed");
}

}  // namespace bitacora::projections
