#include "src/problem.h"

#include <string_view>

#include "src/json_view.h"
#include "src/text.h"

namespace bitacora::cli {
namespace {

constexpr std::string_view kTypePrefix = "urn:bitacora:problem:";

ErrorCode CodeOfStatus(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
    case 410:
    case 412:
    case 422:
      return ErrorCode::kConflict;
    case 500:
    case 504:
      return ErrorCode::kTimeout;  // Whether it was done is unknown.
    default:
      break;
  }
  if (status == 429 || status >= 500) return ErrorCode::kUnavailable;
  return status >= 400 ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
}

std::string_view Advice(std::string_view name) {
  if (name == "version-conflict") return "Read the stream again and decide anew.";
  if (name == "topic-unknown") return "`bitacora create-topic NAME` makes one.";
  if (name == "topic-not-owned") return "Only topics made by Bitacora take appends.";
  if (name == "idempotency-key-reused") return "Nothing was written; take a new key.";
  if (name == "append-undecided") return "Repeating it with the same key is safe.";
  if (name == "position-from-another-log" || name == "position-gone") {
    return "Start again from `earliest`.";
  }
  if (name == "read-model-behind" || name == "not-caught-up") return "Try again shortly.";
  if (name == "disk-full") return "Free some space on the server's disk.";
  return {};
}

}  // namespace

std::string ProblemName(const HttpAnswer& answer) {
  const auto problem = JsonView::Parse(answer.body);
  if (!problem.ok()) return {};
  const std::string type = problem->String("type").value_or("");
  return type.starts_with(kTypePrefix) ? type.substr(kTypePrefix.size()) : std::string();
}

Error ErrorOfAnswer(const HttpAnswer& answer) {
  const ErrorCode code = CodeOfStatus(answer.status);
  const std::string name = ProblemName(answer);
  if (name.empty()) {
    return {code, "the server answered " + std::to_string(answer.status) +
                      " without a problem document; is --server right?"};
  }
  const JsonView problem = JsonView::Parse(answer.body).value();
  std::string sentence =
      Printable(problem.Text("title")) + ": " + Printable(problem.Text("detail"));
  sentence.append(" (").append(Printable(problem.Text("code"))).append(" ");
  sentence.append(Printable(name)).append(").");
  if (const std::string_view advice = Advice(name); !advice.empty()) {
    sentence.append(" ").append(advice);
  }
  return {code, std::move(sentence)};
}

Error ForReading(const Error& error) {
  if (error.code() != ErrorCode::kTimeout) return error;
  return {ErrorCode::kUnavailable, error.message(), error.reason()};
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return kAnswerIsNo;
    case ErrorCode::kInvalidArgument:
      return kUsage;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
      return kUnreachable;
    case ErrorCode::kTimeout:
      return kUndecided;
    case ErrorCode::kCorruption:
    case ErrorCode::kInternal:
      break;
  }
  return kUnreachable;
}

}  // namespace bitacora::cli
