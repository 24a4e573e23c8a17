// A flag that takes a whole number within a range, strictly.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace bitacora::cli {

struct NumberRange {
  std::uint64_t min = 0;          ///< Included.
  std::uint64_t max = INT64_MAX;  ///< Included.
};

/// Digits only: "5 ", "+5", "0x5" and "1e3" are refused, so that nothing is misread.
CLI::Option* AddNumber(CLI::App* app, const std::string& name, NumberRange range,
                       std::function<void(std::uint64_t)> store, const std::string& description);

}  // namespace bitacora::cli
