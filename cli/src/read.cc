// `bitacora read`: a stream or a topic, page after page.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include <bitacora/base/clock.h>

#include "src/command.h"
#include "src/event_rows.h"
#include "src/json_view.h"
#include "src/number_flag.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

constexpr std::uint64_t kPageMax = 1000;

constexpr char kExample[] =
    "Examples:\n"
    "  bitacora read orders o-1\n"
    "  bitacora read orders o-1 --backwards --limit 1\n"
    "  bitacora read orders --from 2026-03-01T00:00:00Z --json\n"
    "\n"
    "Without --limit everything there is. A topic's events are in order within each stream.\n";

struct ReadFlags {
  ClientFlags client;
  std::string topic;
  std::string stream;
  std::string from;
  std::optional<std::uint64_t> limit;
  bool backwards = false;
  std::string at_least;
};

/// How many events the next page shall have, given what is left to show.
std::uint64_t PageSize(const std::optional<std::uint64_t>& left) {
  return left ? std::min(*left, kPageMax) : kPageMax;
}

Result<JsonView> GetPage(const ReadFlags& flags, Server& server, const std::string& target,
                         std::string* body) {
  BITACORA_ASSIGN_OR_RETURN(*body, server.Get(target, flags.at_least));
  return JsonView::Parse(*body);
}

Status ReadStream(const ReadFlags& flags, Server& server) {
  EventRows rows(EventRows::Of::kStream, flags.client.json);
  std::string from = flags.from;
  auto left = flags.limit;
  while (!left || *left > 0) {
    Target target("/v1/topics/" + PercentEncode(flags.topic) + "/streams/" +
                  PercentEncode(flags.stream) + "/events");
    if (!from.empty()) target.Add("from", from);
    if (flags.backwards) target.Add("direction", "backwards");
    target.Add("limit", std::to_string(PageSize(left)));
    std::string body;
    BITACORA_ASSIGN_OR_RETURN(const JsonView page, GetPage(flags, server, target.str(), &body));
    const auto events = page.Array("events");
    rows.Show(events, std::cout);
    const auto next = page.Integer("next");
    if (!next) break;
    if (left) *left -= std::min<std::uint64_t>(*left, events.size());
    from = std::to_string(*next);
  }
  return {};
}

/// A page may be empty though events follow: the position then has moved on.
Status ReadTopic(const ReadFlags& flags, Server& server) {
  EventRows rows(EventRows::Of::kTopic, flags.client.json);
  const bool is_time = ParseRfc3339(flags.from).has_value();
  std::string position = is_time ? "" : flags.from;
  auto left = flags.limit;
  bool first = true;
  while (!left || *left > 0) {
    Target target("/v1/topics/" + PercentEncode(flags.topic) + "/events");
    if (first && is_time) target.Add("since", flags.from);
    if (!position.empty()) target.Add("position", position);
    target.Add("limit", std::to_string(PageSize(left)));
    std::string body;
    BITACORA_ASSIGN_OR_RETURN(const JsonView page, GetPage(flags, server, target.str(), &body));
    const auto events = page.Array("events");
    rows.Show(events, std::cout);
    if (left) *left -= std::min<std::uint64_t>(*left, events.size());
    const std::string next = page.Text("next");
    if (next.empty() || (events.empty() && next == position)) break;
    position = next;
    first = false;
  }
  return {};
}

Status Read(const ReadFlags& flags, Server& server) {
  if (!flags.stream.empty()) return ReadStream(flags, server);
  if (flags.backwards) {
    return Error(ErrorCode::kInvalidArgument, "--backwards is for one stream, not for a topic");
  }
  return ReadTopic(flags, server);
}

}  // namespace

void AddRead(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("read", "Show the events of a stream or a topic");
  command->footer(kExample);
  const auto flags = std::make_shared<ReadFlags>();  // Shared with the callbacks below.
  command->add_option("TOPIC", flags->topic, "The topic")->required();
  command->add_option("STREAM", flags->stream, "One stream of it");
  command
      ->add_option(
          "--from", flags->from,
          "Of a stream: a version, included. Of a topic: earliest, latest, a position or a time")
      ->type_name("PLACE");
  AddNumber(
      command, "--limit", {1, INT64_MAX}, [flags](std::uint64_t n) { flags->limit = n; },
      "Show at most so many");
  command->add_flag("--backwards", flags->backwards, "The latest first");
  AddAtLeast(*command, &flags->at_least);
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] {
    *run = [flags] {
      return RunClient(flags->client, [&](Server& server) { return Read(*flags, server); });
    };
  });
}

}  // namespace bitacora::cli
