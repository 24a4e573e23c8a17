// The program: `serve` is the server, every other subcommand a client of the REST API.
#include <clocale>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include <bitacora/base/log.h>
#include <bitacora/consumers/rebuild_child.h>

#include "src/command.h"
#include "src/exit_code.h"
#include "src/serve.h"
#include "src/serve_flags.h"

namespace bitacora::cli {
namespace {

int Usage(const CLI::App& program, const CLI::ParseError& error) {
  std::string asked = program.get_name();
  if (const auto parsed = program.get_subcommands(); !parsed.empty()) {
    asked += " " + parsed.front()->get_name();
  }
  Complain(error.what());
  std::cerr << "`" << asked << " --help` shows how it is used.\n";
  return kUsage;
}

/// Not for people: the process of a drill.
CLI::App* AddRebuildChild(CLI::App& program) {
  CLI::App* command = program.add_subcommand(consumers::kRebuildChild);
  command->group("");
  return command;
}

int RunRebuildChild() {
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  return consumers::RunRebuildChild(std::cin, std::cout);
}

int Main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  CLI::App program("Bitacora: an event store with a REST API, on Kafka or on its own.", "bitacora");
  program.set_version_flag("--version", "bitacora " BITACORA_VERSION);
  program.require_subcommand(0, 1);

  Run run;
  ServeOptions serve_options;
  CLI::App* serve = AddServe(program, &serve_options);
  AddCreateTopic(program, &run);
  AddTopics(program, &run);
  AddAppend(program, &run);
  AddRead(program, &run);
  AddFollow(program, &run);
  AddGet(program, &run);
  AddVerify(program, &run);
  AddVersion(program, &run);
  const CLI::App* rebuild_child = AddRebuildChild(program);

  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help
    return program.exit(asked);
  } catch (const CLI::ParseError& error) {
    return Usage(program, error);
  }
  if (serve->parsed()) return RunServe(serve_options);
  if (rebuild_child->parsed()) return RunRebuildChild();
  if (run) return run();
  std::cerr << program.help();
  return kUsage;
}

}  // namespace
}  // namespace bitacora::cli

int main(int argc, char** argv) { return bitacora::cli::Main(argc, argv); }
