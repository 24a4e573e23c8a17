// The body of an append: byte 0 the media type, byte 1 the number of `ce-` fields (name and value,
// each a text), then the body. What is taken can be stored, comes back the same and can be shown.
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <bitacora/domain/event_codec.h>

#include "fuzz/input.h"
#include "support/events.h"

namespace bitacora {
namespace {

std::string ContentType(fuzz::Input* input) {
  switch (input->Byte() % 6) {
    case 0:
      return "application/json";
    case 1:
      return "application/cloudevents+json";
    case 2:
      return "application/cloudevents-batch+json";
    case 3:
      return "text/plain";
    case 4:
      return "";
    default:
      return input->Text();
  }
}

/// What a caller adds before it stores an event.
Event Complete(Event event) {
  if (event.id.empty()) event.id = "id";
  if (event.source.empty()) event.source = "/source";
  if (event.data_kind == DataKind::kJson && event.data_content_type.empty()) {
    event.data_content_type = "application/json";
  }
  return event;
}

void CheckStored(const std::vector<Event>& events) {
  const auto count = static_cast<std::uint32_t>(events.size());
  Record record = MakeAttempt(StreamName("s"), AppendId("a"), {}, count, Fingerprint{});
  EncodeEvents(events, &record);
  const StoredRecord stored = MakeStoredRecord(Offset(0), 0, std::move(record));
  BITACORA_CHECK(std::holds_alternative<Attempt>(ReadMeaning(stored)), "not an attempt");
  BITACORA_CHECK(testing::CopiesOf(DecodeEvents(stored, count)) == events,
                 "events changed in a record");
}

void CheckShown(const Event& event) {
  std::string json;
  RecordedEvent recorded;
  recorded.event = ViewOf(event);
  recorded.version = Version(0);
  AppendEventJson(&json, recorded);
  BITACORA_CHECK(nlohmann::json::accept(json), json);
}

}  // namespace
}  // namespace bitacora

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora;
  fuzz::Input input(bytes, size);
  std::vector<std::pair<std::string, std::string>> fields;
  const std::string content_type = ContentType(&input);
  if (!content_type.empty()) fields.emplace_back("content-type", content_type);
  for (unsigned count = input.Byte() % 16; count > 0; --count) {
    std::string name = "ce-" + input.Text();
    fields.emplace_back(std::move(name), input.Text());
  }
  const bool bulk = input.Byte() % 2 == 1;
  const std::string body = input.Rest();
  const std::vector<std::pair<std::string_view, std::string_view>> views(fields.begin(),
                                                                         fields.end());
  const auto parsed = ParseAppendBody(views, body, bulk);
  if (!parsed.ok()) return 0;
  BITACORA_CHECK(FingerprintOf({}, parsed->events) == FingerprintOf({}, parsed->events), "");
  std::vector<Event> events;
  for (const SubmittedEvent& submitted : parsed->events) {
    events.push_back(Complete(submitted.event));
    CheckShown(events.back());
  }
  CheckStored(events);
  return 0;
}
