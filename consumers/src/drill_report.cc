#include <bitacora/consumers/drills.h>

namespace bitacora::consumers {

std::string_view DrillDifferenceName(DrillDifference::What what) {
  switch (what) {
    case DrillDifference::What::kChanged:
      return "changed";
    case DrillDifference::What::kMissing:
      return "missing";
    case DrillDifference::What::kUnexpected:
      return "unexpected";
    case DrillDifference::What::kCursor:
      return "cursor";
  }
  return "";
}

std::string_view DrillStateName(DrillState state) {
  switch (state) {
    case DrillState::kRunning:
      return "running";
    case DrillState::kEqual:
      return "equal";
    case DrillState::kDifferent:
      return "different";
    case DrillState::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace bitacora::consumers
