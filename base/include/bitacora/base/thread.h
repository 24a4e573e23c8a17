// Threads with a name and a stop token. Their owner joins them by destroying them.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace bitacora {

/// Starts `body` on a thread called `name` (at most 15 bytes are shown by top and perf). An
/// exception that leaves `body` is a bug and ends the process.
std::jthread StartThread(std::string name, std::function<void(std::stop_token)> body);

}  // namespace bitacora
