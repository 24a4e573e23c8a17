// What it means that Kafka does not read a partition from where we stand.
#pragma once

#include <optional>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

#include "src/kafka/admin.h"

namespace bitacora::event_store::kafka {

/// How often reading must have been refused, half a second apart, before it is believed that an
/// offset is beyond the end (a replica that has just become leader may lag for a moment), or that a
/// topic is gone (a broker that has just started may not know its topics yet).
inline constexpr int kBeyondEndStrikesMin = 4;
inline constexpr int kAbsentStrikesMin = 3;
inline constexpr milliseconds kRefusedAgainAfter{500};

/// Asked after reading `at` from `from` was refused `strikes` times in a row. The error that ends
/// the reading (kNotFound; kCorruption "log-head-lost" or "log-moved-backwards";
/// kPermissionDenied), or nothing: try again. Blocks up to 4 s.
std::optional<Error> WhyRefused(Admin& admin, const TopicPartition& at, Offset from, int strikes);

}  // namespace bitacora::event_store::kafka
