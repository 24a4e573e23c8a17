// Time, injected, so that tests can hold it still.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitacora {

using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

inline constexpr std::int64_t kNsPerMs = 1'000'000;

/// Where time comes from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall time, nanoseconds since 1970-01-01T00:00:00Z. May jump, also backwards.
  virtual std::int64_t WallNs() const = 0;
  /// The same in milliseconds.
  std::int64_t WallMs() const { return WallNs() / kNsPerMs; }
  /// Time for deadlines and durations; never goes back.
  virtual Deadline Now() const = 0;
};

/// The machine's clock, for as long as the process lives.
const Clock& SystemClock();

/// `wall_ms` as RFC 3339 in UTC with milliseconds: "2026-03-01T12:00:00.123Z". Times
/// beyond the years 0 to 9999, which it has no words for, are the first or last it has.
std::string FormatRfc3339(std::int64_t wall_ms);

/// Milliseconds since 1970 of an RFC 3339 date-time with any offset and any number of decimals
/// (those beyond milliseconds are cut); nothing where `text` is no such date-time.
std::optional<std::int64_t> ParseRfc3339(std::string_view text);

}  // namespace bitacora
