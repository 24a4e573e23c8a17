// One line of events on stdin, as an event of a bulk append.
#pragma once

#include <string>
#include <string_view>

#include <bitacora/base/status.h>

namespace bitacora::cli {

struct LineEvent {
  std::string stream;
  /// The members of its CloudEvent but `id`, with a comma before each. Data are the line's bytes.
  std::string members;
  std::string id;  ///< As a JSON string; empty: the line has none.
};

/// Reads the plain form {"type", "data"?, "stream"?, "id"?, "metadata"?, "expect"?}, and
/// CloudEvents (with "specversion") as `bitacora read --json` prints them, whose place is left out.
/// kInvalidArgument says what is wrong with the line.
Result<LineEvent> ParseLineEvent(std::string_view line, const std::string& topic,
                                 const std::string& default_stream);

}  // namespace bitacora::cli
