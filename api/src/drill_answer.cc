#include "src/drill_answer.h"

#include <string_view>

#include <bitacora/domain/json.h>

namespace bitacora::api {
namespace {

using consumers::DrillDifference;
using consumers::DrillPartition;
using consumers::DrillReport;
using consumers::DrillState;

/// Appends `,"name":` without the comma where it is the first member.
void AppendName(std::string* json, std::string_view name) {
  if (json->back() != '{') json->push_back(',');
  json->append("\"").append(name).append("\":");
}

void AppendText(std::string* json, std::string_view name, std::string_view text) {
  AppendName(json, name);
  AppendJsonString(json, text);
}

void AppendTextOrNull(std::string* json, std::string_view name, std::string_view text) {
  if (!text.empty()) return AppendText(json, name, text);
  AppendName(json, name);
  json->append("null");
}

void AppendNumber(std::string* json, std::string_view name, std::int64_t number) {
  AppendName(json, name);
  json->append(std::to_string(number));
}

void AppendPartition(std::string* json, const DrillPartition& partition) {
  json->push_back('{');
  AppendNumber(json, "partition", partition.partition.value);
  AppendText(json, "offset", std::to_string(partition.offset.value));
  AppendNumber(json, "documents", partition.documents);
  AppendText(json, "kept", partition.kept);
  AppendTextOrNull(json, "recomputed", partition.recomputed);
  AppendTextOrNull(json, "rebuilt", partition.rebuilt);
  AppendName(json, "equal");
  json->append(partition.equal ? (*partition.equal ? "true" : "false") : "null");
  json->push_back('}');
}

void AppendDifference(std::string* json, const DrillDifference& difference) {
  json->push_back('{');
  AppendNumber(json, "partition", difference.partition.value);
  if (difference.key) AppendText(json, "key", *difference.key);
  AppendText(json, "what", consumers::DrillDifferenceName(difference.what));
  AppendTextOrNull(json, "kept", difference.kept);
  AppendTextOrNull(json, "rebuilt", difference.rebuilt);
  json->push_back('}');
}

template <typename Item, typename Append>
void AppendArray(std::string* json, std::string_view name, const std::vector<Item>& items,
                 Append append) {
  AppendName(json, name);
  json->push_back('[');
  std::string_view comma;
  for (const Item& item : items) {
    json->append(comma);
    append(json, item);
    comma = ",";
  }
  json->push_back(']');
}

}  // namespace

std::string DrillJson(const DrillReport& report) {
  std::string json = "{";
  AppendText(&json, "id", report.id);
  AppendText(&json, "kind", report.kind);
  AppendText(&json, "topic", report.topic.str());
  AppendText(&json, "state", consumers::DrillStateName(report.state));
  AppendNumber(&json, "records", report.records);
  AppendNumber(&json, "records_total", report.records_total);
  AppendName(&json, "eta_s");
  json.append(report.eta_s ? std::to_string(*report.eta_s) : "null");
  AppendArray(&json, "partitions", report.partitions, AppendPartition);
  AppendArray(&json, "differences", report.differences, AppendDifference);
  if (report.state == DrillState::kFailed) AppendText(&json, "error", report.error);
  return json.append("}");
}

}  // namespace bitacora::api
