#include "src/problems.h"

#include <algorithm>
#include <array>

#include <bitacora/base/log.h>
#include <bitacora/domain/json.h>

namespace bitacora::api {
namespace {

constexpr std::array kProblems{
    ProblemKind{40000, "invalid-argument", "The request is not valid"},
    ProblemKind{40001, "malformed-request", "The request is not well-formed HTTP"},
    ProblemKind{40002, "malformed-event", "The body is no event, or not one Bitacora takes"},
    ProblemKind{40003, "malformed-position", "The position is no token of Bitacora's"},
    ProblemKind{40004, "invalid-topic-name", "The name cannot be a topic's"},
    ProblemKind{40005, "invalid-stream-name", "The name cannot be a stream's"},
    ProblemKind{40006, "invalid-idempotency-key", "The Idempotency-Key is not valid"},
    ProblemKind{40007, "invalid-condition", "If-Match or If-None-Match is not valid here"},
    ProblemKind{40008, "invalid-parameter",
                "A query parameter is unknown, doubled or out of range"},
    ProblemKind{40009, "invalid-preference", "The Prefer field is not valid"},
    ProblemKind{40010, "malformed-path", "The path is not well-formed"},
    ProblemKind{40011, "malformed-json", "The body is not the JSON expected here"},
    ProblemKind{40012, "invalid-cursor", "The cursor is none that a listing gave"},
    ProblemKind{40100, "unauthenticated", "Credentials are missing or wrong"},
    ProblemKind{40300, "permission-denied", "Not allowed"},
    ProblemKind{40400, "not-found", "There is nothing here"},
    ProblemKind{40401, "topic-unknown", "No such topic"},
    ProblemKind{40402, "stream-unknown", "No such stream"},
    ProblemKind{40403, "append-unknown", "No such append"},
    ProblemKind{40404, "read-model-unknown", "No such read model"},
    ProblemKind{40405, "document-unknown", "No such document"},
    ProblemKind{40406, "drill-unknown", "No such drill"},
    ProblemKind{40407, "partition-unknown", "No such partition"},
    ProblemKind{40500, "method-not-allowed", "The resource does not have this method"},
    ProblemKind{40600, "not-acceptable", "None of the accepted media types can be made"},
    ProblemKind{40800, "request-timeout", "The request did not arrive in time"},
    ProblemKind{40900, "conflict", "It does not fit the state of the resource"},
    ProblemKind{40901, "topic-exists", "The topic exists with other properties"},
    ProblemKind{40902, "topic-not-owned", "The topic was not made by Bitacora"},
    ProblemKind{40903, "topic-not-empty", "The topic has records"},
    ProblemKind{40904, "unsafe-settings", "A setting of the topic could lose events"},
    ProblemKind{40905, "position-ahead", "The position is beyond the end of the topic"},
    ProblemKind{40907, "already-exists", "It exists already"},
    ProblemKind{40908, "too-many-partitions", "The topic has more partitions than can be read"},
    ProblemKind{41000, "position-from-another-log", "The position is of another log"},
    ProblemKind{41001, "position-gone", "The position is below the earliest record kept"},
    ProblemKind{41200, "version-conflict", "The stream is not at the expected version"},
    ProblemKind{41300, "content-too-large", "The body is too large"},
    ProblemKind{41301, "append-too-large", "The append does not fit into one record"},
    ProblemKind{41302, "too-many-events", "Too many events in one request"},
    ProblemKind{41303, "record-too-large", "The log does not take a record this large"},
    ProblemKind{41400, "uri-too-long", "The URI is too long"},
    ProblemKind{41500, "unsupported-media-type", "The Content-Type is none that carries events"},
    ProblemKind{41700, "expectation-failed", "The Expect field cannot be met"},
    ProblemKind{42200, "idempotency-key-reused", "The key was used for another append"},
    ProblemKind{42900, "resource-exhausted", "Too much at once", 1},
    ProblemKind{42901, "drills-busy", "Another drill is running", 5},
    ProblemKind{43100, "header-fields-too-large", "The header is too large"},
    ProblemKind{50000, "internal", "A bug of Bitacora's"},
    ProblemKind{50001, "corruption", "Stored bytes are not what was written"},
    ProblemKind{50002, "log-damaged", "The log is damaged"},
    ProblemKind{50003, "state-damaged", "The state of this node is damaged"},
    ProblemKind{50100, "not-implemented", "The transfer coding or method is not implemented"},
    ProblemKind{50300, "unavailable", "Not possible for the moment", 1},
    ProblemKind{50301, "not-caught-up", "The partition is still being folded", 1},
    ProblemKind{50302, "log-unavailable", "The log cannot be reached", 1},
    ProblemKind{50303, "read-model-behind", "The read model has not applied the position yet", 1},
    ProblemKind{50304, "log-head-lost", "The topic's first records are gone; it is read-only"},
    ProblemKind{50305, "log-moved-backwards", "The log went back; the partition is read-only"},
    ProblemKind{50306, "needs-newer-bitacora", "The partition needs a newer Bitacora"},
    ProblemKind{50307, "topic-deleted", "The topic was deleted from the log"},
    ProblemKind{50308, "overloaded", "More is waiting than can be taken", 1},
    ProblemKind{50309, "not-hosted", "Another node hosts the partition", 1},
    ProblemKind{50310, "draining", "The server is shutting down", 1},
    ProblemKind{50311, "read-model-stopped", "The read model stopped at an event it cannot apply"},
    ProblemKind{50312, "too-many-connections", "Too many connections", 1},
    ProblemKind{50313, "fold-behind", "The fold has not reached the position yet", 1},
    ProblemKind{50314, "state-unavailable", "The disk of this node's state failed", 5},
    ProblemKind{50400, "timeout", "The outcome is not known", 1},
    ProblemKind{50401, "append-undecided", "The verdict on the append is not known yet", 1},
    ProblemKind{50500, "http-version-not-supported", "Only HTTP/1.0 and HTTP/1.1"},
    ProblemKind{50700, "disk-full", "The disk is nearly full; nothing is written", 10},
};

std::string_view NameOfCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kAlreadyExists:
      return "already-exists";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kResourceExhausted:
      return "overloaded";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission-denied";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

const ProblemKind* FindProblem(std::string_view name) {
  const auto* found = std::find_if(kProblems.begin(), kProblems.end(),
                                   [&](const ProblemKind& kind) { return kind.name == name; });
  return found == kProblems.end() ? nullptr : found;
}

/// Whether an error's sentence is made of our own words. Those of the others quote libraries and
/// name files: they are for the server's log.
bool IsForClients(const ProblemKind& kind) {
  constexpr std::array<std::string_view, 4> kInside{"internal", "corruption", "log-damaged",
                                                    "log-unavailable"};
  return std::find(kInside.begin(), kInside.end(), kind.name) == kInside.end();
}

/// What its document says. A bug of ours is logged.
std::string_view DetailOf(const Error& error, const ProblemKind& kind) {
  if (IsForClients(kind)) return error.message();
  if (kind.status() != 500) return "not possible just now; the server's log says more";
  LogError("internal error", {{"error", error.ToString()}});
  return "something went wrong inside the server; its log says more";
}

}  // namespace

std::span<const ProblemKind> AllProblems() { return kProblems; }

const ProblemKind& ProblemNamed(std::string_view name) {
  const ProblemKind* kind = FindProblem(name);
  BITACORA_CHECK(kind != nullptr, "no problem is called " + std::string(name));
  return *kind;
}

const ProblemKind& ProblemOf(const Error& error) {
  if (!error.reason().empty()) {
    if (const ProblemKind* kind = FindProblem(error.reason())) return *kind;
    LogError("an error's reason is not in the table of problems", {{"reason", error.reason()}});
  }
  return ProblemNamed(NameOfCode(error.code()));
}

std::string ProblemJson(const ProblemKind& kind, std::string_view detail,
                        const ProblemMembers& members) {
  std::string json = R"({"type":"urn:bitacora:problem:)";
  json.append(kind.name).append(R"(","title":)");
  AppendJsonString(&json, kind.title);
  json.append(R"(,"status":)").append(std::to_string(kind.status()));
  json.append(R"(,"code":)").append(std::to_string(kind.code));
  json.append(R"(,"detail":)");
  AppendJsonString(&json, detail);
  for (const auto& [name, value] : members) {
    json.push_back(',');
    AppendJsonString(&json, name);
    json.append(":").append(value);
  }
  return json.append("}");
}

std::string ProblemJson(const Error& error, const ProblemMembers& members) {
  const ProblemKind& kind = ProblemOf(error);
  return ProblemJson(kind, DetailOf(error, kind), members);
}

HttpResponse ProblemResponse(const ProblemKind& kind, std::string_view detail,
                             const ProblemMembers& members) {
  HttpResponse response;
  response.status = kind.status();
  response.fields.emplace_back("Content-Type", "application/problem+json");
  if (kind.retry_after_s > 0) {
    response.fields.emplace_back("Retry-After", std::to_string(kind.retry_after_s));
  }
  response.body = ProblemJson(kind, detail, members);
  return response;
}

HttpResponse ProblemResponse(const Error& error, const ProblemMembers& members) {
  const ProblemKind& kind = ProblemOf(error);
  return ProblemResponse(kind, DetailOf(error, kind), members);
}

}  // namespace bitacora::api
