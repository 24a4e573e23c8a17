// Text as names and attributes are made of.
#pragma once

#include <string_view>

namespace bitacora {

/// Whether `text` is UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
bool IsTextWithoutControls(std::string_view text);

}  // namespace bitacora
