// The HTTP layer alone: every request gets the same two bytes, or as many as its path names. For
// measuring it beside other servers; see README.md.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/api/http_server.h>
#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/thread.h>

#include "support/serve.h"

namespace {

using bitacora::api::HttpRequest;
using bitacora::api::HttpResponse;
using bitacora::api::Responder;

constexpr std::size_t kBytesMax = 16u << 20;

/// As many bytes as `path` is a number, "/25600"; else two.
HttpResponse Answer(std::string_view path) {
  HttpResponse response;
  response.fields.emplace_back("Content-Type", "text/plain");
  std::size_t bytes = 0;
  if (path.size() > 1) std::from_chars(path.data() + 1, path.data() + path.size(), bytes);
  if (bytes == 0) {
    response.body = "ok";
  } else {
    response.body.assign(std::min(bytes, kBytesMax), 'x');
  }
  return response;
}

}  // namespace

// http_hello [PORT] [elsewhere]: with the second, another thread answers, as a store would.
int main(int argc, char** argv) {
  const sigset_t ends = bitacora::bench::BlockEndSignals();
  std::uint16_t port = 0;
  if (argc > 1) {
    const std::string_view text(argv[1]);
    std::from_chars(text.data(), text.data() + text.size(), port);
  }
  const bool elsewhere = argc > 2 && std::string_view(argv[2]) == "elsewhere";

  bitacora::BoundedQueue<Responder> queue(100'000);
  const std::jthread answerer = bitacora::StartThread("answerer", [&queue](std::stop_token) {
    std::vector<Responder> some;
    const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(1); };
    while (queue.PopSome(1'000, soon(), &some)) {
      for (Responder& responder : some) responder.Send(Answer("/"));
      some.clear();
    }
  });

  const int status = bitacora::bench::ServeUntilEnded(
      ends, port, [elsewhere, &queue](const HttpRequest& request, Responder responder) {
        if (!elsewhere) {
          responder.Send(Answer(request.path));
        } else if (!queue.TryPush(std::move(responder))) {
          std::fputs("the queue is full\n", stderr);
        }
      });
  queue.Close();
  return status;
}
