#include "src/progress.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <utility>

#include <unistd.h>

#include <bitacora/base/thread.h>

namespace bitacora::cli {
namespace {

using std::chrono::milliseconds;

std::string FormatSeconds(std::uint64_t seconds) {
  char text[48];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%llu:%02llu:%02llu", seconds / 3600ull, seconds / 60ull % 60,
                  seconds % 60ull);
  } else {
    std::snprintf(text, sizeof text, "%llu:%02llu", seconds / 60ull, seconds % 60ull);
  }
  return text;
}

void Draw(const std::string& unit, const std::function<ProgressState()>& state,
          std::stop_token stop) {
  const auto begin = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!never.wait_for(lock, stop, milliseconds(250), [&] { return stop.stop_requested(); })) {
    const auto elapsed =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    std::cerr << "\r\x1b[K" << FormatProgress(state(), unit, elapsed) << std::flush;
  }
  std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace

std::string FormatCount(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    // Not "," as text: g++ 12 at -O2 takes the copy inside for one of overlapping bytes.
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string FormatProgress(const ProgressState& state, const std::string& unit,
                           milliseconds elapsed) {
  constexpr int kCells = 20;
  std::string line;
  const double seconds = std::max(0.001, static_cast<double>(elapsed.count()) / 1000);
  if (state.fraction) {
    const double fraction = std::clamp(*state.fraction, 0.0, 1.0);
    char percent[8];
    std::snprintf(percent, sizeof percent, "%3d %%", static_cast<int>(fraction * 100));
    const int cells = static_cast<int>(fraction * kCells);
    line.append(percent).append(" [");
    line.append(static_cast<std::size_t>(cells), '#');
    line.append(static_cast<std::size_t>(kCells - cells), ' ').append("] ");
  }
  const double rate = static_cast<double>(state.done) / seconds;
  line.append(FormatCount(state.done)).append(" ").append(unit).append("  ");
  line.append(FormatCount(static_cast<std::uint64_t>(rate))).append("/s");
  if (state.fraction && *state.fraction > 0.01) {
    const double left = seconds * (1 - *state.fraction) / *state.fraction;
    line.append("  ").append(FormatSeconds(static_cast<std::uint64_t>(std::max(0.0, left) + 0.5)));
    line.append(" left");
  }
  return line;
}

Progress::Progress(std::string unit, std::function<ProgressState()> state) {
  if (isatty(STDERR_FILENO) == 0) return;
  thread_ = StartThread("progress", [unit = std::move(unit), state = std::move(state)](
                                        std::stop_token stop) { Draw(unit, state, stop); });
}

}  // namespace bitacora::cli
