// Any text: what CheckJson takes, nlohmann takes too, and its parts are found as they stand there.
#include <nlohmann/json.hpp>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/json.h>

#include "fuzz/input.h"

namespace bitacora {
namespace {

void CheckParts(const std::string& text) {
  if (const auto members = JsonObjectMembers(text); members.ok()) {
    for (const JsonMember& member : *members) {
      BITACORA_CHECK(CheckJson(member.value).ok(), std::string(member.value));
    }
  }
  if (const auto elements = JsonArrayElements(text); elements.ok()) {
    for (const std::string_view element : *elements) {
      BITACORA_CHECK(CheckJson(element).ok(), std::string(element));
    }
  }
  if (const auto string = JsonString(text); string.ok()) {
    std::string written;
    AppendJsonString(&written, *string);
    BITACORA_CHECK(JsonString(written).value() == *string, written);
    BITACORA_CHECK(nlohmann::json::parse(text).get<std::string>() == *string, text);
  }
}

void CheckWritten(const std::string& text) {
  std::string written;
  AppendJsonString(&written, text);
  const auto read = JsonString(written);
  BITACORA_CHECK(read.ok(), written);
  BITACORA_CHECK(!IsUtf8(text) || *read == text, written);
}

}  // namespace
}  // namespace bitacora

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora;
  const std::string text = fuzz::Input(bytes, size).Rest();
  const bool accepted = CheckJson(text).ok();
  BITACORA_CHECK(!accepted || nlohmann::json::accept(text), text);
  if (accepted) CheckParts(text);
  CheckWritten(text);
  return 0;
}
