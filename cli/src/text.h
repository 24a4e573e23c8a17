// Text for a terminal: whatever a stranger put into an event, it is shown and never obeyed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bitacora::cli {

/// `text` with everything a terminal might obey made visible: control characters (C0, DEL, C1),
/// line and paragraph separators and bidirectional controls as \n, \t, \x1b or \u202e; bytes that
/// are no UTF-8 as U+FFFD.
std::string Printable(std::string_view text);

/// JSON (valid) without white space between its values; what a terminal might obey is escaped
/// inside its strings as \u001b. The value it stands for is the same, numbers keep their digits.
std::string PrintableJson(std::string_view json);

/// Columns `text` takes on a terminal: two for wide characters, none for combining ones.
std::size_t DisplayWidth(std::string_view text);

}  // namespace bitacora::cli
