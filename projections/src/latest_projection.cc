#include <unordered_set>
#include <utility>
#include <vector>

#include <bitacora/domain/event.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>
#include <bitacora/projections/latest_projection.h>

namespace bitacora::projections {
namespace {

/// The last event of `record`, with its place.
RecordedEvent LastEvent(const Source& source, const SourceRecord& record) {
  RecordedEvent last;
  if (source.owned) {
    std::vector<StoredEvent> events = DecodeEvents(record.record, record.count);
    last.index = static_cast<std::int32_t>(events.size()) - 1;
    last.event = std::move(events.back());
  } else {
    last.event = DecodeForeign(record.record, source.topic, source.partition);
  }
  if (record.first_version) last.version = Version(record.first_version->value + last.index);
  last.partition = source.partition;
  last.offset = record.record.offset;
  return last;
}

std::string DocumentOf(std::string_view key, const RecordedEvent& last) {
  std::string json;
  json.reserve(last.event.data.size() + 512);
  json.append(R"({"key":)");
  AppendJsonString(&json, key);
  json.append(R"(,"version":)").append(last.version ? std::to_string(last.version->value) : "null");
  json.append(R"(,"time":)");
  if (last.event.time.empty()) {
    json.append("null");
  } else {
    AppendJsonString(&json, last.event.time);
  }
  json.append(R"(,"event":)");
  AppendEventJson(&json, last);
  json.push_back('}');
  return json;
}

}  // namespace

Projection::Folded LatestProjection::Fold(const Source& source,
                                          std::span<const SourceRecord> records,
                                          Documents& documents) const {
  std::unordered_set<std::string_view> settled;
  settled.reserve(records.size());
  for (std::size_t i = records.size(); i-- > 0;) {
    const StoredRecord& record = records[i].record;
    if (!record.key || !settled.insert(*record.key).second) continue;
    if (!source.owned && record.is_tombstone) {
      documents.Remove(*record.key);
    } else {
      documents.Put(*record.key, DocumentOf(*record.key, LastEvent(source, records[i])), record);
    }
  }
  return {records.size(), {}};
}

}  // namespace bitacora::projections
