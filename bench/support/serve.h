// What the servers that are measured beside ours have in common.
#pragma once

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include <bitacora/api/http_server.h>
#include <bitacora/base/metrics.h>

namespace bitacora::bench {

/// Those that end a program. To be blocked before any thread starts, so that ServeUntilEnded gets
/// them.
inline sigset_t BlockEndSignals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

/// Says where it listens, and serves until one of `ends` comes. Returns what main is to return.
inline int ServeUntilEnded(const sigset_t& ends, std::uint16_t port,
                           api::HttpServer::Handler handler) {
  api::HttpServerOptions options;
  options.port = port;
  Metrics metrics;
  const auto server = api::HttpServer::Start(options, metrics, std::move(handler),
                                             [](int status, std::string_view, std::string_view) {
                                               api::HttpResponse response;
                                               response.status = status;
                                               return response;
                                             });
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().ToString().c_str());
    return 1;
  }
  std::printf("listening on http://127.0.0.1:%d\n", server.value()->port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace bitacora::bench
