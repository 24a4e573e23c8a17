// Events of an answer, shown to people or to programs.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string_view>
#include <vector>

#include "src/table.h"

namespace bitacora::cli {

class EventRows {
 public:
  enum class Of { kStream, kTopic };
  EventRows(Of of, bool json);

  /// Writes `events`, JSON values of an answer that was checked: as rows, or each as a line of
  /// JSON.
  void Show(const std::vector<std::string_view>& events, std::ostream& out);

 private:
  Of of_;
  bool json_;
  Table table_;
};

}  // namespace bitacora::cli
