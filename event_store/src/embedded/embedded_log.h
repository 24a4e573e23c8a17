// The Log over all parts of this folder, and the seams that tests open it with.
#pragma once

#include <memory>

#include <rocksdb/file_system.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/event_store/embedded_log.h>

namespace bitacora::event_store::embedded {

/// What stands between the log and the machine.
struct Machine {
  const Clock* clock = &SystemClock();
  /// Null: the file system as it is.
  std::shared_ptr<rocksdb::FileSystem> file_system;
};

Result<std::unique_ptr<Log>> OpenOn(const Machine& machine, const EmbeddedLogOptions& options,
                                    Metrics& metrics);

}  // namespace bitacora::event_store::embedded
