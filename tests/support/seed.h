// The seed of a random test: BITACORA_TEST_SEED where it is set, else a new one; printed, so that a
// failure can be repeated.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace bitacora::testing {

inline std::uint64_t TestSeed() {
  const char* const given = std::getenv("BITACORA_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "BITACORA_TEST_SEED=" << seed << std::endl;
  return seed;
}

/// 0 to `below` - 1.
template <typename Generator>
std::size_t Below(Generator& random, std::size_t below) {
  return static_cast<std::size_t>(random() % below);
}

}  // namespace bitacora::testing
