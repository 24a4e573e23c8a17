#include "src/text.h"

#include <bitacora/base/encoding.h>

namespace bitacora {

bool IsTextWithoutControls(std::string_view text) {
  for (;;) {
    text.remove_prefix(PrintablePrefix(text));
    if (text.empty()) return true;
    const std::size_t size = Utf8SequenceSize(text);
    if (size < 2) return false;  // No UTF-8, or a control character of ASCII.
    const bool c1_control = text[0] == '\xC2' && static_cast<unsigned char>(text[1]) <= 0x9F;
    if (c1_control) return false;
    text.remove_prefix(size);
  }
}

}  // namespace bitacora
