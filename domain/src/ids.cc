#include <algorithm>

#include <bitacora/domain/ids.h>

#include "src/text.h"

namespace bitacora {
namespace {

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsDots(std::string_view text) { return text == "." || text == ".."; }

bool IsVisibleAscii(char c) { return c > 0x20 && c < 0x7F; }

}  // namespace

Result<TopicName> ParseTopicName(std::string_view text) {
  if (text.empty() || text.size() > 249 || IsDots(text) ||
      !std::all_of(text.begin(), text.end(), IsTopicCharacter)) {
    return Error(ErrorCode::kInvalidArgument,
                 "a topic's name is 1 to 249 of the characters A-Z a-z 0-9 . _ -, and not . or ..",
                 "invalid-topic-name");
  }
  return TopicName(std::string(text));
}

bool IsReservedTopic(const TopicName& topic) {
  return topic.str().starts_with("__") || topic.str().starts_with("bitacora.");
}

Result<StreamName> ParseStreamName(std::string_view text) {
  if (!IsStreamName(text)) {
    return Error(
        ErrorCode::kInvalidArgument,
        "a stream's name is 1 to 200 bytes of UTF-8 without control characters, and not . or ..",
        "invalid-stream-name");
  }
  return StreamName(std::string(text));
}

Result<AppendId> ParseIdempotencyKey(std::string_view text) {
  const auto allowed = [](char c) { return IsVisibleAscii(c) && c != '#'; };
  if (text.empty() || text.size() > 128 || !std::all_of(text.begin(), text.end(), allowed)) {
    return Error(ErrorCode::kInvalidArgument,
                 "an Idempotency-Key is 1 to 128 visible ASCII characters without #",
                 "invalid-idempotency-key");
  }
  return AppendId(std::string(text));
}

bool IsStreamName(std::string_view text) {
  return !text.empty() && text.size() <= 200 && !IsDots(text) && IsTextWithoutControls(text);
}

bool IsAppendId(std::string_view text) {
  return !text.empty() && text.size() <= 132 &&
         std::all_of(text.begin(), text.end(), IsVisibleAscii);
}

}  // namespace bitacora
