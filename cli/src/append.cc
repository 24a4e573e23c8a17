// `bitacora append`: one event from the command line, or many from stdin.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/uuid.h>
#include <bitacora/domain/json.h>

#include "src/append_lines.h"
#include "src/command.h"
#include "src/exit_code.h"
#include "src/json_view.h"
#include "src/text.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

constexpr std::size_t kDataBytesMax = 8u << 20;

constexpr char kExample[] =
    "Examples:\n"
    "  bitacora append orders o-1 --type OrderPlaced --data '{\"total\":42}' --expect new\n"
    "  bitacora append orders o-1 --type OrderPaid --data @payment.json --expect 0\n"
    "  bitacora append orders < events.ndjson\n"
    "\n"
    "Without --type, stdin has one event a line:\n"
    "  {\"stream\":\"o-1\",\"type\":\"OrderPlaced\",\"data\":{\"total\":42}}\n"
    "also with \"id\", \"metadata\" and \"expect\" (\"new\", \"exists\" or a version), or as "
    "`bitacora read\n"
    "--json` prints them. Lines of one stream are appended in their order. With --key the same "
    "lines can\n"
    "be sent again after any failure: what is there already is not appended twice.\n"
    "\n"
    "Ends with 1 where the stream is not in the expected state, 6 where nothing was written, 7 "
    "where that\n"
    "is unknown; repeating it with the same --key is then safe.\n";

struct AppendFlags {
  ClientFlags client;
  std::string topic;
  std::string stream;
  std::string type;
  std::string data;
  std::string id;
  std::string expect;
  std::string key;
};

Result<std::string> ReadAll(std::istream& in, const std::string& name) {
  std::string bytes;
  char buffer[65'536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    bytes.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > kDataBytesMax) {
      return Error(ErrorCode::kInvalidArgument, name + " is larger than 8 MiB");
    }
  }
  return bytes;
}

Result<std::string> ReadData(const std::string& data) {
  if (data == "-") return ReadAll(std::cin, "stdin");
  if (!data.starts_with('@')) return data;
  const std::string path = data.substr(1);
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(ErrorCode::kInvalidArgument, path + " cannot be read");
  return ReadAll(file, path);
}

/// The condition as a header field; nothing for none.
Result<std::vector<std::pair<std::string, std::string>>> ConditionFields(
    const std::string& expect) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  if (expect.empty()) return Fields{};
  if (expect == "new") return Fields{{"If-None-Match", "*"}};
  if (expect == "exists") return Fields{{"If-Match", "*"}};
  if (!ParseDecimal(expect, INT64_MAX)) {
    return Error(ErrorCode::kInvalidArgument, "--expect is new, exists or a version");
  }
  return Fields{{"If-Match", "\"" + expect + "\""}};
}

Result<std::string> EventJson(const AppendFlags& flags) {
  std::string json = R"({"type":)";
  AppendJsonString(&json, flags.type);
  if (!flags.id.empty()) {
    json.append(R"(,"id":)");
    AppendJsonString(&json, flags.id);
  }
  std::string data = "null";
  if (!flags.data.empty()) {
    BITACORA_ASSIGN_OR_RETURN(data, ReadData(flags.data));
  }
  if (const Status status = CheckJson(data); !status.ok()) {
    return Error(ErrorCode::kInvalidArgument, "--data is no JSON: " + status.error().message());
  }
  json.append(R"(,"data":)").append(data);
  return json.append("}");
}

void ShowAppended(const AppendFlags& flags, const std::string& answer) {
  if (flags.client.json) {
    std::cout << PrintableJson(answer) << '\n';
    return;
  }
  const auto appended = JsonView::Parse(answer);
  const std::string version = appended.ok() ? appended->Text("version") : "unknown";
  std::cout << Printable(flags.topic + "/" + flags.stream) << " is at version "
            << Printable(version) << '\n';
}

Status AppendOne(const AppendFlags& flags, Server& server) {
  HttpCall call;
  call.method = "POST";
  call.target = "/v1/topics/" + PercentEncode(flags.topic) + "/streams/" +
                PercentEncode(flags.stream) + "/events";
  BITACORA_ASSIGN_OR_RETURN(call.fields, ConditionFields(flags.expect));
  BITACORA_ASSIGN_OR_RETURN(call.body, EventJson(flags));
  call.fields.emplace_back("Content-Type", "application/json");
  call.fields.emplace_back("Idempotency-Key", flags.key);
  const auto answer = server.Ask(call);
  if (answer.ok()) {
    ShowAppended(flags, answer->body);
    return {};
  }
  if (answer.error().code() != ErrorCode::kTimeout) return answer.error();
  return Error(ErrorCode::kTimeout,
               answer.error().message() +
                   " It may have been appended; say the same again with --key " + flags.key +
                   " to be sure.");
}

/// Flags that mean something for one event only.
Status CheckManyFlags(const AppendFlags& flags) {
  const auto refuse = [](const std::string& what) {
    return Error(ErrorCode::kInvalidArgument, what);
  };
  if (!flags.data.empty() || !flags.id.empty()) return refuse("an event needs --type");
  if (!flags.expect.empty()) {
    return refuse("--expect is for one event; a line of stdin may have \"expect\"");
  }
  if (isatty(STDIN_FILENO) != 0) {
    return refuse("say --type for one event, or give many on stdin, one a line");
  }
  return {};
}

int RunAppend(AppendFlags flags) {
  const bool own_key = !flags.key.empty();
  if (!own_key) flags.key = MakeUuidV7(SystemClock().WallNs(), SystemRandom());
  if (!flags.type.empty()) {
    return RunClient(flags.client, [&](Server& server) -> Status {
      if (flags.stream.empty()) {
        return Error(ErrorCode::kInvalidArgument, "which stream? `bitacora append TOPIC STREAM …`");
      }
      return AppendOne(flags, server);
    });
  }
  if (const Status status = CheckManyFlags(flags); !status.ok()) {
    Complain(status.error().message());
    return kUsage;
  }
  return AppendLines({.client = flags.client,
                      .topic = flags.topic,
                      .stream = flags.stream,
                      .key = flags.key,
                      .key_from_user = own_key});
}

}  // namespace

void AddAppend(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("append", "Append events to streams");
  command->footer(kExample);
  const auto flags = std::make_shared<AppendFlags>();  // Shared with the callback below.
  command->add_option("TOPIC", flags->topic, "The topic")->required();
  command->add_option("STREAM", flags->stream, "The stream; lines may name their own");
  command->add_option("--type", flags->type, "What happened, such as OrderPlaced");
  command->add_option("--data", flags->data, "JSON, @FILE, or - for stdin; null where absent")
      ->type_name("JSON");
  command->add_option("--id", flags->id, "The event's own id; made where absent");
  command
      ->add_option("--expect", flags->expect,
                   "Only if the stream is new, exists, or is at version N")
      ->type_name("new|exists|N");
  command->add_option("--key", flags->key,
                      "Idempotency key, to repeat an append safely; made where absent");
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] { *run = [flags] { return RunAppend(*flags); }; });
}

}  // namespace bitacora::cli
