// Any record: a byte of count (1 to 8; 255: 1,000), key, number of headers, headers (name and
// value, each a text), then the value. There are always as many events as were announced, each can
// be shown, and what was once read out of a record stays as it is.
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <bitacora/domain/event_codec.h>

#include "fuzz/input.h"
#include "support/events.h"

namespace bitacora {
namespace {

void CheckShown(const StoredEvent& event) {
  std::string json;
  RecordedEvent recorded;
  recorded.event = event;
  AppendEventJson(&json, recorded);
  BITACORA_CHECK(nlohmann::json::accept(json), json);
}

StoredRecord RecordOf(fuzz::Input* input) {
  Record record;
  if (input->Byte() % 2 == 1) record.key = input->Text();
  for (unsigned count = input->Byte() % 24; count > 0; --count) {
    std::string name = input->Text();
    record.headers.push_back({std::move(name), input->Text()});
  }
  record.value = input->Rest();
  const auto time = static_cast<std::int64_t>(record.value.size()) * 0x123456789;
  return MakeStoredRecord(Offset(1), time, std::move(record));
}

}  // namespace
}  // namespace bitacora

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora;
  fuzz::Input input(bytes, size);
  const unsigned choice = input.Byte();
  const std::uint32_t count = choice == 255 ? kEventsPerRecordMax : 1 + choice % 8;
  const StoredRecord record = RecordOf(&input);

  const std::vector<StoredEvent> stored = DecodeEvents(record, count);
  for (const StoredEvent& event : stored) CheckShown(event);
  std::vector<Event> events = testing::CopiesOf(stored);
  BITACORA_CHECK(events.size() == count, std::to_string(events.size()));
  for (Event& event : events) {
    // The one thing that is not kept, see DecodeEvents; a batch of others may have it.
    const bool untyped = event.data_kind == DataKind::kJson && event.data_content_type.empty();
    if (untyped) event.data_content_type = "application/json";
  }
  Record again;
  EncodeEvents(events, &again);
  const StoredRecord stored_again = MakeStoredRecord(Offset(1), 0, std::move(again));
  BITACORA_CHECK(testing::CopiesOf(DecodeEvents(stored_again, count)) == events,
                 "events changed in a record");

  CheckShown(DecodeForeign(record, TopicName("t"), Partition(0)));
  return 0;
}
