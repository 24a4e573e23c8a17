#include <bitacora/base/status.h>

namespace bitacora {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kAlreadyExists:
      return "already-exists";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kResourceExhausted:
      return "resource-exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission-denied";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kInternal:
      return "internal";
  }
  BITACORA_CHECK(false, "unknown ErrorCode " + std::to_string(static_cast<int>(code)));
}

std::string Error::ToString() const {
  std::string text(ErrorCodeName(code_));
  if (!reason_.empty()) text.append(" (").append(reason_).append(")");
  return text.append(": ").append(message_);
}

}  // namespace bitacora
