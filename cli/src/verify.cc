// `bitacora verify`: rebuilds a topic's read model from the log, beside the live one, and compares.
#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <bitacora/domain/json.h>

#include "src/command.h"
#include "src/json_view.h"
#include "src/progress.h"
#include "src/table.h"
#include "src/text.h"

namespace bitacora::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{250};

struct VerifyFlags {
  ClientFlags client;
  std::string topic;
};

/// Starts the drill and returns where it can be asked about.
Result<std::string> StartDrill(const VerifyFlags& flags, Server& server) {
  HttpCall call;
  call.method = "POST";
  call.target = "/v1/drills";
  call.fields = {{"Content-Type", "application/json"}};
  call.body = R"({"kind":"rebuild","topic":)";
  AppendJsonString(&call.body, flags.topic);
  call.body.append("}");
  BITACORA_ASSIGN_OR_RETURN(const HttpAnswer answer, server.Ask(call));
  std::string location(answer.Find("location"));
  if (!location.starts_with("/v1/drills/")) {
    return Error(ErrorCode::kUnavailable, "the server started a drill and does not say which");
  }
  return location;
}

/// How far the drill is, as the progress line's thread reads it.
struct Counts {
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> total{0};

  ProgressState State() const {
    ProgressState state;
    state.done = done;
    const std::uint64_t of = total;
    if (of > 0) state.fraction = static_cast<double>(done) / static_cast<double>(of);
    return state;
  }
};

std::uint64_t CountOf(const JsonView& drill, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, drill.Integer(name).value_or(0)));
}

/// Asks until the drill has ended; its document.
Result<std::string> AwaitDrill(const std::string& location, Server& server) {
  Counts counts;
  const Progress progress("records", [&counts] { return counts.State(); });
  while (true) {
    BITACORA_ASSIGN_OR_RETURN(std::string body, server.Get(location));
    BITACORA_ASSIGN_OR_RETURN(const JsonView drill, JsonView::Parse(body));
    if (drill.String("state") != "running") return body;
    counts.done = CountOf(drill, "records");
    counts.total = CountOf(drill, "records_total");
    SleepUnless(kPoll, nullptr);
  }
}

/// The beginning of a digest: enough to see whether two are the same.
std::string Short(const std::string& digest) { return digest.substr(0, 16); }

void ShowPartitions(const JsonView& drill) {
  using Align = Table::Align;
  Table table({{"PARTITION", Align::kRight},
               {"OFFSET", Align::kRight},
               {"DOCUMENTS", Align::kRight},
               {"KEPT", Align::kLeft},
               {"RECOMPUTED", Align::kLeft},
               {"REBUILT", Align::kLeft},
               {"", Align::kLeft}});
  for (const JsonView& partition : drill.Objects("partitions")) {
    table.Add({partition.Text("partition"), partition.Text("offset"), partition.Text("documents"),
               Short(partition.Text("kept")), Short(partition.Text("recomputed")),
               Short(partition.Text("rebuilt")),
               partition.Raw("equal") == "true" ? "equal" : "DIFFERENT"});
  }
  table.Show(std::cout);
}

/// `"o-1" is missing`, `the cursor of partition 0`.
std::string Named(const JsonView& difference) {
  const std::string what = difference.Text("what");
  const std::optional<std::string> key = difference.String("key");
  if (!key) {
    return (what == "cursor" ? "the cursor" : "a document") + std::string(" of partition ") +
           difference.Text("partition");
  }
  return "\"" + *key + "\" is " + what;
}

Status Judge(const std::string& topic, const JsonView& drill) {
  const std::string state = drill.Text("state");
  if (state == "equal") return {};
  if (state != "different") {
    return Error(ErrorCode::kUnavailable, "the drill failed: " + drill.Text("error"));
  }
  std::string sentence = topic + ".latest differs from what the log says";
  std::string separator = "; the first differences: ";
  for (const JsonView& difference : drill.Objects("differences")) {
    sentence.append(separator).append(Named(difference));
    separator = ", ";
  }
  return Error(ErrorCode::kConflict, sentence +
                                         ". The log is the truth: stop the server and delete "
                                         "its state directory, then it is made anew.");
}

Status Verify(const VerifyFlags& flags, Server& server) {
  BITACORA_ASSIGN_OR_RETURN(const std::string location, StartDrill(flags, server));
  BITACORA_ASSIGN_OR_RETURN(const std::string body, AwaitDrill(location, server));
  BITACORA_ASSIGN_OR_RETURN(const JsonView drill, JsonView::Parse(body));
  if (flags.client.json) {
    std::cout << PrintableJson(body) << '\n';
  } else {
    ShowPartitions(drill);
  }
  return Judge(flags.topic, drill);
}

}  // namespace

void AddVerify(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand(
      "verify", "Prove that a topic's read model is what the log says, by rebuilding it");
  command->footer(
      "Example:\n  bitacora verify --topic orders\n\n"
      "Ends with 0 where all partitions are equal, 1 where one is different; it then names the "
      "first\n"
      "keys that are.\n");
  const auto flags = std::make_shared<VerifyFlags>();  // Shared with the callback below.
  command->add_option("--topic", flags->topic, "The topic")->required();
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] {
    *run = [flags] {
      return RunClient(flags->client, [&](Server& server) { return Verify(*flags, server); });
    };
  });
}

}  // namespace bitacora::cli
