// A line on stderr that tells how far long work has come; nothing where stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace bitacora::cli {

struct ProgressState {
  std::uint64_t done = 0;          ///< Of `unit`.
  std::optional<double> fraction;  ///< 0 to 1, where the whole is known.
};

/// "  52 % [##########          ] 1,234,567 events  98,000/s  0:12 left"
std::string FormatProgress(const ProgressState& state, const std::string& unit,
                           std::chrono::milliseconds elapsed);

/// 1,234,567
std::string FormatCount(std::uint64_t number);

/// Draws four times a second from a thread of its own until it is destroyed, then clears the line.
class Progress {
 public:
  /// `state` is called from the other thread.
  Progress(std::string unit, std::function<ProgressState()> state);

 private:
  std::jthread thread_;
};

}  // namespace bitacora::cli
