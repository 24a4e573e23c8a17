// Many events from stdin, one a line, into many streams.
#pragma once

#include <string>

#include "src/command.h"

namespace bitacora::cli {

struct AppendLinesOptions {
  ClientFlags client;
  std::string topic;
  std::string stream;  ///< Of lines that name none; empty: each must.
  std::string key;     ///< The groups' keys begin with it.
  bool key_from_user = false;
};

/// Appends what stdin has until its end, and returns an ExitCode.
///
/// Lines go out in groups, each under an idempotency key of its own, so that a group can be
/// repeated until it is answered. Streams are spread over a few lanes; a lane sends one group after
/// another, so that the events of a stream keep the order of their lines. How lines are grouped
/// depends on the lines alone where the key is the user's or stdin is a file: then sending the same
/// input again with the same key appends nothing twice. Otherwise a pause of the input sends what
/// is there.
int AppendLines(const AppendLinesOptions& options);

}  // namespace bitacora::cli
