// Reading a topic from its first record through admit, apart from everything the node keeps: what a
// drill believes instead of the state.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

/// For one thread. Blocks.
class Replay {
 public:
  /// Keeps heads and append ids in a new database in `scratch_directory`, which the caller deletes
  /// afterwards. `log` must outlive it.
  static Result<std::unique_ptr<Replay>> Open(Log& log, const std::string& scratch_directory);
  virtual ~Replay() = default;

  struct Summary {
    std::int64_t records = 0;  ///< Read, void ones included.
    std::int64_t events = 0;   ///< Admitted.
  };
  /// Folds the owned partition `at` from its earliest record up to, not including, `end`, and calls
  /// `visit` with each admitted record, in order. `progress` hears now and then how many records
  /// were read in this call. What `visit` returns as an error ends it.
  ///
  /// kCorruption: "log-head-lost" where the first record is not the genesis any more; the log's
  /// own. kUnavailable "needs-newer-bitacora"; "log-moved-backwards" where the log ends before
  /// `end`.
  virtual Result<Summary> Run(const TopicPartition& at, Offset end,
                              const std::function<Status(TopicRecord)>& visit,
                              const std::function<void(std::int64_t)>& progress) = 0;
};

}  // namespace bitacora::event_store
