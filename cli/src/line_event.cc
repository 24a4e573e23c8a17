#include "src/line_event.h"

#include <utility>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/json.h>

namespace bitacora::cli {
namespace {

Error Wrong(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

void AddMember(LineEvent* event, std::string_view name, std::string_view value) {
  event->members.push_back(',');
  AppendJsonString(&event->members, name);
  event->members.append(":").append(value);
}

Status TakeStream(LineEvent* event, std::string_view value) {
  auto stream = JsonString(value);
  if (!stream.ok() || stream->empty()) return Wrong("\"stream\" is a string");
  event->stream = *std::move(stream);
  return {};
}

Status TakeId(LineEvent* event, std::string_view value) {
  if (!value.starts_with('"')) return Wrong("\"id\" is a string");
  event->id = value;
  return {};
}

Status TakeExpectation(LineEvent* event, std::string_view value) {
  if (value != R"("new")" && value != R"("exists")" && !ParseDecimal(value, INT64_MAX)) {
    return Wrong("\"expect\" is \"new\", \"exists\" or a version");
  }
  AddMember(event, "expectedversion", value);
  return {};
}

Status TakeMetadata(LineEvent* event, std::string_view value) {
  const auto members = JsonObjectMembers(value);
  if (!members.ok()) return Wrong("\"metadata\" is an object");
  for (const JsonMember& member : *members) AddMember(event, member.name, member.value);
  return {};
}

Status TakePlainMember(LineEvent* event, const JsonMember& member) {
  if (member.name == "stream") return TakeStream(event, member.value);
  if (member.name == "id") return TakeId(event, member.value);
  if (member.name == "expect") return TakeExpectation(event, member.value);
  if (member.name == "metadata") return TakeMetadata(event, member.value);
  if (member.name != "type" && member.name != "data") {
    return Wrong("it has an unknown member; type, data, stream, id, metadata, expect are known");
  }
  AddMember(event, member.name, member.value);
  return {};
}

/// Where an event stood is no part of it: version, partition, offset, index are left out.
Status TakeCloudEventMember(LineEvent* event, const JsonMember& member) {
  if (member.name == "stream") return TakeStream(event, member.value);
  if (member.name == "id") return TakeId(event, member.value);
  for (const std::string_view place : {"version", "partition", "offset", "index"}) {
    if (member.name == place) return {};
  }
  AddMember(event, member.name, member.value);
  return {};
}

bool Has(const std::vector<JsonMember>& members, std::string_view name) {
  for (const JsonMember& member : members) {
    if (member.name == name) return true;
  }
  return false;
}

}  // namespace

Result<LineEvent> ParseLineEvent(std::string_view line, const std::string& topic,
                                 const std::string& default_stream) {
  if (const Status status = CheckJson(line); !status.ok()) return Wrong(status.error().message());
  const auto members = JsonObjectMembers(line);
  if (!members.ok()) return Wrong("it is no JSON object");
  if (!Has(*members, "type")) return Wrong("it has no \"type\"");
  const bool cloud_event = Has(*members, "specversion");
  LineEvent event;
  event.stream = default_stream;
  for (const JsonMember& member : *members) {
    BITACORA_RETURN_IF_ERROR(cloud_event ? TakeCloudEventMember(&event, member)
                                         : TakePlainMember(&event, member));
  }
  if (!cloud_event) {
    AddMember(&event, "specversion", R"("1.0")");
    AddMember(&event, "source", "\"/v1/topics/" + topic + "\"");
  }
  if (event.stream.empty()) return Wrong("it names no \"stream\", and neither does the command");
  std::string stream;
  AppendJsonString(&stream, event.stream);
  AddMember(&event, "stream", stream);
  return event;
}

}  // namespace bitacora::cli
