#include "src/rebuild_job.h"

#include <utility>
#include <vector>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/json.h>

namespace bitacora::consumers {
namespace {

Error Malformed(std::string_view what) {
  return {ErrorCode::kInvalidArgument, "malformed: " + std::string(what)};
}

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(&json, text);
  return json;
}

/// The members of an object; what is missing reads as malformed.
class Members {
 public:
  static Result<Members> Parse(std::string_view text) {
    BITACORA_ASSIGN_OR_RETURN(std::vector<JsonMember> members, JsonObjectMembers(text));
    return Members(std::move(members));
  }

  bool Has(std::string_view name) const { return Find(name).has_value(); }
  Result<std::string_view> Raw(std::string_view name) const {
    const auto value = Find(name);
    if (!value) return Malformed(name);
    return *value;
  }
  Result<std::string> Text(std::string_view name) const {
    BITACORA_ASSIGN_OR_RETURN(const std::string_view value, Raw(name));
    return JsonString(value);
  }
  Result<std::int64_t> Number(std::string_view name) const {
    BITACORA_ASSIGN_OR_RETURN(const std::string_view value, Raw(name));
    const auto number = ParseDecimal(value, INT64_MAX);
    if (!number) return Malformed(name);
    return static_cast<std::int64_t>(*number);
  }

 private:
  explicit Members(std::vector<JsonMember> members) : members_(std::move(members)) {}

  std::optional<std::string_view> Find(std::string_view name) const {
    for (const JsonMember& member : members_) {
      if (member.name == name) return member.value;
    }
    return std::nullopt;
  }

  std::vector<JsonMember> members_;
};

std::string EndsJson(const std::map<Partition, Offset>& ends) {
  std::string json = "[";
  for (const auto& [partition, end] : ends) {
    if (json.size() > 1) json.push_back(',');
    json.append(R"({"partition":)").append(std::to_string(partition.value));
    json.append(R"(,"end":)").append(std::to_string(end.value)).append("}");
  }
  return json.append("]");
}

Status ParseEnds(std::string_view text, std::map<Partition, Offset>* ends) {
  BITACORA_ASSIGN_OR_RETURN(const auto elements, JsonArrayElements(text));
  for (const std::string_view element : elements) {
    BITACORA_ASSIGN_OR_RETURN(const Members members, Members::Parse(element));
    BITACORA_ASSIGN_OR_RETURN(const std::int64_t partition, members.Number("partition"));
    BITACORA_ASSIGN_OR_RETURN(const std::int64_t end, members.Number("end"));
    if (partition >= kPartitionsMax) return Malformed("partition");
    (*ends)[Partition(static_cast<std::int32_t>(partition))] = Offset(end);
  }
  return {};
}

std::string KafkaJson(const event_store::KafkaLogOptions& kafka) {
  std::string json = R"({"brokers":)" + Quoted(kafka.brokers) + R"(,"properties":[)";
  std::string_view comma;
  for (const auto& [name, value] : kafka.properties) {
    json.append(comma).append(R"({"name":)").append(Quoted(name));
    json.append(R"(,"value":)").append(Quoted(value)).append("}");
    comma = ",";
  }
  return json.append("]}");
}

Result<event_store::KafkaLogOptions> ParseKafka(std::string_view text) {
  event_store::KafkaLogOptions kafka;
  BITACORA_ASSIGN_OR_RETURN(const Members members, Members::Parse(text));
  BITACORA_ASSIGN_OR_RETURN(kafka.brokers, members.Text("brokers"));
  BITACORA_ASSIGN_OR_RETURN(const std::string_view list, members.Raw("properties"));
  BITACORA_ASSIGN_OR_RETURN(const auto properties, JsonArrayElements(list));
  for (const std::string_view property : properties) {
    BITACORA_ASSIGN_OR_RETURN(const Members pair, Members::Parse(property));
    BITACORA_ASSIGN_OR_RETURN(std::string name, pair.Text("name"));
    BITACORA_ASSIGN_OR_RETURN(std::string value, pair.Text("value"));
    kafka.properties.emplace_back(std::move(name), std::move(value));
  }
  return kafka;
}

}  // namespace

std::string RebuildJob::Json() const {
  std::string json = R"({"topic":)" + Quoted(topic.str());
  json.append(R"(,"topic_log_id":)").append(Quoted(model.log_id));
  json.append(R"(,"program":)").append(Quoted(model.program));
  json.append(R"(,"partitions":)").append(std::to_string(model.partitions));
  json.append(R"(,"ends":)").append(EndsJson(ends));
  json.append(R"(,"directory":)").append(Quoted(directory));
  json.append(R"(,"log_id":)").append(Quoted(log_id));
  if (kafka) json.append(R"(,"kafka":)").append(KafkaJson(*kafka));
  json.append(R"(,"parent":)").append(std::to_string(parent));
  return json.append("}\n");
}

Result<RebuildJob> RebuildJob::Parse(std::string_view text) {
  RebuildJob job;
  BITACORA_ASSIGN_OR_RETURN(const Members members, Members::Parse(text));
  BITACORA_ASSIGN_OR_RETURN(const std::string topic, members.Text("topic"));
  BITACORA_ASSIGN_OR_RETURN(job.topic, ParseTopicName(topic));
  BITACORA_ASSIGN_OR_RETURN(job.model.log_id, members.Text("topic_log_id"));
  BITACORA_ASSIGN_OR_RETURN(job.model.program, members.Text("program"));
  BITACORA_ASSIGN_OR_RETURN(const std::int64_t partitions, members.Number("partitions"));
  if (partitions > kPartitionsMax) return Malformed("partitions");
  job.model.partitions = static_cast<std::int32_t>(partitions);
  BITACORA_ASSIGN_OR_RETURN(const std::string_view ends, members.Raw("ends"));
  BITACORA_RETURN_IF_ERROR(ParseEnds(ends, &job.ends));
  BITACORA_ASSIGN_OR_RETURN(job.directory, members.Text("directory"));
  BITACORA_ASSIGN_OR_RETURN(job.log_id, members.Text("log_id"));
  if (members.Has("kafka")) {
    BITACORA_ASSIGN_OR_RETURN(const std::string_view kafka, members.Raw("kafka"));
    BITACORA_ASSIGN_OR_RETURN(job.kafka, ParseKafka(kafka));
  }
  BITACORA_ASSIGN_OR_RETURN(job.parent, members.Number("parent"));
  return job;
}

std::string RebuildProgress::Json() const {
  std::string json = R"({"records":)" + std::to_string(records);
  json.append(R"(,"total":)").append(std::to_string(total));
  if (done) json.append(R"(,"done":true)");
  if (!error.empty()) json.append(R"(,"error":)").append(Quoted(error));
  return json.append("}\n");
}

Result<RebuildProgress> RebuildProgress::Parse(std::string_view text) {
  RebuildProgress progress;
  BITACORA_ASSIGN_OR_RETURN(const Members members, Members::Parse(text));
  BITACORA_ASSIGN_OR_RETURN(progress.records, members.Number("records"));
  BITACORA_ASSIGN_OR_RETURN(progress.total, members.Number("total"));
  progress.done = members.Has("done");
  if (members.Has("error")) {
    BITACORA_ASSIGN_OR_RETURN(progress.error, members.Text("error"));
  }
  return progress;
}

}  // namespace bitacora::consumers
