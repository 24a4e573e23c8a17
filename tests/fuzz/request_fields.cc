// Any path, query and header fields: each reader says yes or why not, and what it takes has the
// form its header promises. The bytes are texts in turn: query, then names and values.
#include "src/request_fields.h"

#include <string>

#include <bitacora/base/encoding.h>

#include "fuzz/input.h"
#include "src/uri.h"

namespace bitacora::api {
namespace {

constexpr const char* kNames[] = {"if-match",     "if-none-match",     "idempotency-key",
                                  "prefer",       "bitacora-at-least", "accept",
                                  "content-type", "traceparent"};

void CheckQuery(const std::string& text) {
  BITACORA_CHECK(PercentDecode(PercentEncode(text)) == text, text);
  if (const auto decoded = PercentDecode(text)) {
    BITACORA_CHECK(decoded->size() <= text.size(), text);
  }
  auto query = QueryParameters::Parse(text);
  if (!query.ok()) {
    BITACORA_CHECK(query.error().reason() == "invalid-parameter", text);
    return;
  }
  if (const auto number = query->TakeNumber("limit", 1, 1000); number.ok() && *number) {
    BITACORA_CHECK(**number >= 1 && **number <= 1000, text);
  }
  if (const auto value = query->Take("position"); value.ok() && *value) {
    BITACORA_CHECK(IsUtf8(**value), text);
  }
  for (const std::string& value : query->TakeAll("type")) BITACORA_CHECK(IsUtf8(value), text);
  (void)query->Finish().ok();
}

void CheckFields(const HttpRequest& request) {
  if (const auto condition = ReadCondition(request); condition.ok()) {
    BITACORA_CHECK(ParseExpected(FormatExpected(*condition)) == *condition, "a condition");
  }
  if (const auto key = ReadIdempotencyKey(request); key.ok() && *key) {
    BITACORA_CHECK(ParseIdempotencyKey((*key)->str()).ok(), (*key)->str());
  }
  const std::chrono::seconds most(60);
  if (const auto preferences = ReadPreferences(request, most); preferences.ok()) {
    BITACORA_CHECK(!preferences->wait || *preferences->wait <= most, "a long wait");
  }
  if (const auto positions = ReadAtLeast(request); positions.ok()) {
    BITACORA_CHECK(positions->size() <= 16, "many positions");
    for (const Position& position : *positions) {
      BITACORA_CHECK(ParsePosition(FormatPosition(position)).ok(), FormatPosition(position));
    }
  }
  (void)IfNoneMatchNames(request, "\"7\"");
  const auto chosen = Negotiate(request, {"application/json", "text/plain"});
  BITACORA_CHECK(!chosen || *chosen < 2, "a type that was not offered");
}

}  // namespace
}  // namespace bitacora::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora::api;
  bitacora::fuzz::Input input(bytes, size);
  CheckQuery(input.Text());
  HttpRequest request;
  while (!input.empty()) {
    const unsigned name = input.Byte() % std::size(kNames);
    request.fields.push_back({kNames[name], input.Text()});
  }
  CheckFields(request);
  return 0;
}
