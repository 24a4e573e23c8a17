// The HTTP layer alone: every request gets the same two bytes. For measuring it beside other
// servers; see README.md.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <bitacora/api/http_server.h>
#include <bitacora/base/metrics.h>

int main(int argc, char** argv) {
  using bitacora::api::HttpResponse;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);

  bitacora::Metrics metrics;
  bitacora::api::HttpServerOptions options;
  if (argc > 1) options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const auto server = bitacora::api::HttpServer::Start(
      options, metrics,
      [](bitacora::api::HttpRequest, bitacora::api::Responder responder) {
        HttpResponse response;
        response.fields = {{"Content-Type", "text/plain"}};
        response.body = "ok";
        responder.Send(std::move(response));
      },
      [](int status, std::string_view, std::string_view) {
        HttpResponse response;
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
