// `bitacora version`: this program's, and the server's where it can be asked.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include <bitacora/domain/json.h>

#include "src/command.h"
#include "src/exit_code.h"
#include "src/json_view.h"
#include "src/text.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

Result<std::string> ServerVersion(const ClientFlags& flags) {
  BITACORA_ASSIGN_OR_RETURN(const std::string url, ParseServerUrl(flags.server));
  Server server(url, std::chrono::seconds(0));
  BITACORA_ASSIGN_OR_RETURN(const std::string body, server.Get("/v1/version"));
  BITACORA_RETURN_IF_ERROR(JsonView::Parse(body).status());
  return body;
}

int RunVersion(const ClientFlags& flags) {
  const auto server = ServerVersion(flags);
  if (flags.json) {
    std::cout << R"({"version":")" << BITACORA_VERSION << R"(","server":)"
              << (server.ok() ? PrintableJson(*server) : "null") << "}\n";
    return kDone;
  }
  std::cout << "bitacora " << BITACORA_VERSION << '\n';
  std::cout << "server   ";
  if (server.ok()) {
    const JsonView about = JsonView::Parse(*server).value();
    std::cout << Printable(about.Text("version")) << " at " << Printable(flags.server) << " ("
              << Printable(about.Text("log")) << " log)\n";
  } else {
    std::cout << "not reached at " << Printable(flags.server) << '\n';
  }
  return kDone;
}

}  // namespace

void AddVersion(CLI::App& program, Run* run) {
  CLI::App* command =
      program.add_subcommand("version", "Show the version of this program and of the server");
  command->footer("Example:\n  bitacora version --server http://localhost:8080\n");
  const auto flags = std::make_shared<ClientFlags>();  // Shared with the callback below.
  AddClientFlags(*command, flags.get());
  command->callback([flags, run] { *run = [flags] { return RunVersion(*flags); }; });
}

}  // namespace bitacora::cli
