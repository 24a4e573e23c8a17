// What all subcommands that are clients share.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include <bitacora/base/status.h>

#include "src/server.h"

namespace CLI {
class App;
}

namespace bitacora::cli {

struct ClientFlags {
  std::string server = "http://localhost:8080";
  bool json = false;
  std::uint64_t retry_s = 30;  ///< For how long a request is repeated.
};

/// Declares --at-least, of commands that read.
void AddAtLeast(CLI::App& command, std::string* position);

/// Set by the subcommand that was asked for: does it, and returns an ExitCode.
using Run = std::function<int()>;

/// Declares --server, --json and --retry-for.
void AddClientFlags(CLI::App& command, ClientFlags* flags);

/// Calls `work`; its error becomes a sentence on stderr and an ExitCode.
int RunClient(const ClientFlags& flags, const std::function<Status(Server&)>& work);

/// "bitacora: " and the sentence, on stderr.
void Complain(const std::string& sentence);

/// Each declares one subcommand in `program`, with an example in its help.
void AddAppend(CLI::App& program, Run* run);
void AddRead(CLI::App& program, Run* run);
void AddFollow(CLI::App& program, Run* run);
void AddTopics(CLI::App& program, Run* run);
void AddCreateTopic(CLI::App& program, Run* run);
void AddGet(CLI::App& program, Run* run);
void AddVerify(CLI::App& program, Run* run);
void AddVersion(CLI::App& program, Run* run);

}  // namespace bitacora::cli
