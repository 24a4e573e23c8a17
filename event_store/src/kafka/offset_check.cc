#include "src/kafka/offset_check.h"

#include <string>

namespace bitacora::event_store::kafka {

namespace {

/// Of each of two questions; what is asked later is asked again anyway.
constexpr milliseconds kAskFor{2000};

}  // namespace

std::optional<Error> WhyRefused(Admin& admin, const TopicPartition& at, Offset from, int strikes) {
  const auto earliest = admin.Earliest(at, kAskFor);
  if (!earliest.ok()) {
    const bool may_pass =
        earliest.error().retryable() ||
        (earliest.error().code() == ErrorCode::kNotFound && strikes < kAbsentStrikesMin);
    if (may_pass) return std::nullopt;
    return earliest.error();
  }
  const std::string where = at.topic.str() + "/" + std::to_string(at.partition.value);
  if (from < *earliest) {
    return Error(ErrorCode::kCorruption,
                 where + " begins at offset " + std::to_string(earliest->value) + ", after " +
                     std::to_string(from.value),
                 "log-head-lost");
  }
  const auto latest = admin.Latest(at, kAskFor);
  if (!latest.ok() || from <= *latest || strikes < kBeyondEndStrikesMin) return std::nullopt;
  return Error(ErrorCode::kCorruption,
               where + " ends at offset " + std::to_string(latest->value) + ", before " +
                   std::to_string(from.value),
               "log-moved-backwards");
}

}  // namespace bitacora::event_store::kafka
