// `bitacora follow`: events of a topic as they come, by long poll.
#include <atomic>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>
#include <signal.h>

#include "src/command.h"
#include "src/event_rows.h"
#include "src/exit_code.h"
#include "src/json_view.h"
#include "src/problem.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

constexpr std::chrono::seconds kWait{30};

constexpr char kExample[] =
    "Examples:\n"
    "  bitacora follow orders\n"
    "  bitacora follow orders --position latest --type OrderCancelled --json\n"
    "\n"
    "Goes on through restarts of the server, and misses and repeats nothing. Ctrl-C ends it with 0 "
    "and\n"
    "prints on stderr the position to go on from.\n";

struct FollowFlags {
  ClientFlags client;
  std::string topic;
  std::string position = "earliest";
  std::vector<std::string> types;
  std::vector<std::string> streams;
};

std::atomic<bool> g_interrupted{false};  // Signal handlers reach nothing else.
static_assert(std::atomic<bool>::is_always_lock_free);

/// SIGINT and SIGTERM end the work in an orderly way; a second one ends the program.
void StopAtSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

class Follower {
 public:
  Follower(const FollowFlags& flags, const std::string& url)
      : flags_(flags),
        client_(url, &g_interrupted),
        rows_(EventRows::Of::kTopic, flags.client.json),
        position_(flags.position) {}

  int Run() {
    while (!g_interrupted) {
      const Status status = Step();
      if (status.ok()) continue;
      if (g_interrupted) break;
      Complain(status.error().message());
      ShowPosition();
      return ExitCodeOf(ForReading(status.error()));
    }
    ShowPosition();
    return kDone;
  }

 private:
  /// One page. Trouble that may pass is waited for once the server has been met.
  Status Step() {
    const auto answer = client_.Call(NextCall());
    if (!answer.ok()) return answer.error().retryable() ? Later(answer.error()) : answer.error();
    if (answer->status == 429 || answer->status >= 500) return Later(ErrorOfAnswer(*answer));
    if (answer->status != 200) return ErrorOfAnswer(*answer);
    BITACORA_ASSIGN_OR_RETURN(const JsonView page, JsonView::Parse(answer->body));
    rows_.Show(page.Array("events"), std::cout);
    std::cout.flush();
    if (!std::cout) return Error(ErrorCode::kInvalidArgument, "stdout is closed");
    position_ = page.String("next").value_or(position_);
    if (complained_) std::cerr << "bitacora: going on\n";
    complained_ = false;
    met_ = true;
    backoff_ = Backoff();
    return {};
  }

  HttpCall NextCall() const {
    Target target("/v1/topics/" + PercentEncode(flags_.topic) + "/events");
    target.Add("position", position_).Add("limit", "1000");
    for (const std::string& type : flags_.types) target.Add("type", type);
    for (const std::string& stream : flags_.streams) target.Add("stream", stream);
    HttpCall call;
    call.target = target.str();
    call.fields = {{"Accept", "application/json"},
                   {"Prefer", "wait=" + std::to_string(kWait.count())}};
    call.timeout = kWait + std::chrono::seconds(30);
    return call;
  }

  Status Later(const Error& error) {
    if (!met_) return error;
    if (!complained_ && !g_interrupted) Complain(error.message() + " Trying again.");
    complained_ = true;
    SleepUnless(backoff_.Next(std::chrono::seconds(0)), &g_interrupted);
    return {};
  }

  void ShowPosition() const { std::cerr << "position: " << position_ << std::endl; }

  const FollowFlags& flags_;
  HttpClient client_;
  EventRows rows_;
  std::string position_;
  Backoff backoff_;
  bool met_ = false;         ///< The server has answered once.
  bool complained_ = false;  ///< About the trouble that lasts.
};

int RunFollow(const FollowFlags& flags) {
  const auto url = ParseServerUrl(flags.client.server);
  if (!url.ok()) {
    Complain(url.error().message());
    return kUsage;
  }
  StopAtSignals();
  return Follower(flags, *url).Run();
}

}  // namespace

void AddFollow(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("follow", "Show the events of a topic as they come");
  command->footer(kExample);
  const auto flags = std::make_shared<FollowFlags>();  // Shared with the callback below.
  command->add_option("TOPIC", flags->topic, "The topic")->required();
  command
      ->add_option("--position", flags->position, "Where to start: earliest, latest or a position")
      ->capture_default_str();
  command->add_option("--type", flags->types, "Only this type; may come several times")
      ->allow_extra_args(false);
  command->add_option("--stream", flags->streams, "Only this stream; may come several times")
      ->allow_extra_args(false);
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] { *run = [flags] { return RunFollow(*flags); }; });
}

}  // namespace bitacora::cli
