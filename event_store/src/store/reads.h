// Reading streams and partitions from the state and the log.
#pragma once

#include <bitacora/base/status.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/event_store/log.h>

#include "src/store/hosted_topic.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

Error StreamUnknown();

Result<StreamPage> ReadStreamPage(const StateDb& state, Log& log, const HostedPartition& partition,
                                  const StreamQuery& query);

/// Admitted records of an owned partition, as far as applied.
Result<PartitionPage> ReadOwned(const StateDb& state, Log& log, const HostedPartition& partition,
                                Offset from, const Log::FetchLimits& limits);
/// Every record of an adopted partition.
Result<PartitionPage> ReadAdopted(Log& log, const TopicPartition& at, Offset from,
                                  const Log::FetchLimits& limits);

}  // namespace bitacora::event_store
