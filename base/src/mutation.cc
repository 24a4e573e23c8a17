// Compiled with BITACORA_MUTATIONS only.
#include <array>
#include <cstdlib>
#include <string_view>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>

namespace bitacora {
namespace {

constexpr char kVariable[] = "BITACORA_MUTATION";
constexpr std::array<std::string_view, 16> kNames = {"",    "P1",  "P2",  "P3", "P4",  "P5",
                                                     "P6",  "",    "P8",  "P9", "P10", "P11",
                                                     "P12", "P13", "P14", "P15"};

/// The promise to break; 0: none.
std::size_t Chosen() {
  const char* const given = std::getenv(kVariable);
  const std::string_view name = given == nullptr ? "" : given;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return i;
  }
  LogError("this names no promise that can be broken", {{kVariable, name}});
  std::_Exit(2);
}

const std::size_t kChosen = Chosen();

}  // namespace

bool Mutated(Promise promise) { return static_cast<std::size_t>(promise) == kChosen; }

}  // namespace bitacora
