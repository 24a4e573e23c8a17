#pragma once

#include <cstdint>

namespace bitacora {

/// The promises of docs/promises.md that the code can be made to break.
enum class Promise : std::uint8_t {
  kP1 = 1,  ///< Durable once acknowledged, on the embedded log.
  kP2,      ///< Durable once acknowledged, on Kafka.
  kP3,      ///< Versions without gap or repeat.
  kP4,      ///< Linearizable appends.
  kP5,      ///< An append id means one thing.
  kP6,      ///< Unknown is said.
  kP8 = 8,  ///< A read model counts each event once.
  kP9,      ///< A follower misses and repeats nothing.
  kP10,     ///< A drill finds every difference.
  kP11,     ///< Damage is never silent.
  kP12,     ///< A full disk refuses, and hurts nothing.
  kP13,     ///< SIGTERM answers what was taken.
  kP14,     ///< Overload is shed.
  kP15,     ///< Hostile input is refused.
};

/// Whether this process breaks `promise` on purpose, so that the test which holds the promise can
/// show that it would notice. Asked in one line, exactly where the promise is kept:
///
///     how.sync = options_.sync && !Mutated(Promise::kP1);
///
/// Only the build with BITACORA_MUTATIONS can: there the variable BITACORA_MUTATION (`P1`, …) names
/// the one promise that a process breaks, and is read once; a value that names none ends the
/// process. In every other build this is the constant false, and nothing of it is in the program.
/// Any thread.
#ifdef BITACORA_MUTATIONS
bool Mutated(Promise promise);
#else
constexpr bool Mutated(Promise) { return false; }
#endif

}  // namespace bitacora
