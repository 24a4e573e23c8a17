#include "src/text.h"

#include <bitacora/base/encoding.h>

namespace bitacora {

bool IsTextWithoutControls(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead >= 0x20 && lead < 0x7F) {
      text.remove_prefix(1);
      continue;
    }
    const std::size_t size = Utf8SequenceSize(text);
    if (size < 2) return false;  // No UTF-8, or a control character of ASCII.
    const bool c1_control = lead == 0xC2 && static_cast<unsigned char>(text[1]) <= 0x9F;
    if (c1_control) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace bitacora
