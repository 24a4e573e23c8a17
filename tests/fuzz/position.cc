// Any text as a token: refused, or the one token of its position.
#include <bitacora/domain/position.h>

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora;
  const std::string token = fuzz::Input(bytes, size).Rest();
  const auto position = ParsePosition(token);
  if (position.ok()) BITACORA_CHECK(FormatPosition(*position) == token, token);
  return 0;
}
