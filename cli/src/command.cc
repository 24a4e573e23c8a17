#include "src/command.h"

#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>

#include "src/number_flag.h"
#include "src/problem.h"
#include "src/text.h"
#include "src/url.h"

namespace bitacora::cli {

void AddClientFlags(CLI::App& command, ClientFlags* flags) {
  command.add_option("--server", flags->server, "Where the server is")
      ->type_name("URL")
      ->envname("BITACORA_SERVER")
      ->capture_default_str();
  command.add_flag("--json", flags->json, "JSON for programs, one value a line");
  AddNumber(
      &command, "--retry-for", {0, 86'400},
      [flags](std::uint64_t value) { flags->retry_s = value; },
      "Seconds for which a busy or restarting server is asked again")
      ->default_str(std::to_string(flags->retry_s));
}

void AddAtLeast(CLI::App& command, std::string* position) {
  command
      .add_option("--at-least", *position,
                  "Wait until this is seen: the position an append answered with (--json)")
      ->type_name("POSITION");
}

void Complain(const std::string& sentence) {
  std::cerr << "bitacora: " << Printable(sentence) << std::endl;
}

int RunClient(const ClientFlags& flags, const std::function<Status(Server&)>& work) {
  const auto url = ParseServerUrl(flags.server);
  if (!url.ok()) {
    Complain(url.error().message());
    return kUsage;
  }
  Server server(*url, std::chrono::seconds(static_cast<std::int64_t>(flags.retry_s)));
  const Status status = work(server);
  std::cout.flush();
  if (status.ok()) return kDone;
  Complain(status.error().message());
  return ExitCodeOf(status.error());
}

}  // namespace bitacora::cli
