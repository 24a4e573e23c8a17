// What went wrong, in a sentence that says what to do.
#pragma once

#include <string>

#include <bitacora/base/status.h>

#include "src/exit_code.h"
#include "src/http_client.h"

namespace bitacora::cli {

/// The error an answer of status 400 and above stands for: its problem document's title, detail,
/// code and name, and what a user can do about it.
Error ErrorOfAnswer(const HttpAnswer& answer);

/// The name in a problem's type, "version-conflict"; empty where the answer has none.
std::string ProblemName(const HttpAnswer& answer);

/// For a request that changes nothing, "unknown" is as good as "not done".
Error ForReading(const Error& error);

ExitCode ExitCodeOf(const Error& error);

}  // namespace bitacora::cli
