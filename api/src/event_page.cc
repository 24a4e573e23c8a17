#include "src/event_page.h"

#include <bitacora/domain/event_codec.h>

namespace bitacora::api {
namespace {

constexpr std::size_t kEventJsonGuess = 512;

}  // namespace

std::string EventPageJson(const std::vector<RecordedEvent>& events, const std::string& next_json) {
  std::string json;
  json.reserve(events.size() * kEventJsonGuess + 64);
  json.append(R"({"events":[)");
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) json.push_back(',');
    AppendEventJson(&json, events[i]);
  }
  return json.append(R"(],"next":)").append(next_json).append("}");
}

std::string EventBatchJson(const std::vector<RecordedEvent>& events) {
  std::string json;
  json.reserve(events.size() * kEventJsonGuess + 64);
  json.push_back('[');
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) json.push_back(',');
    AppendCloudEventJson(&json, events[i].event);
  }
  return json.append("]");
}

}  // namespace bitacora::api
