// The HTTP server over real sockets: what clients may do, and what they may not do to others.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <bitacora/api/http_server.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>

#include "api/raw_client.h"

namespace bitacora::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

HttpResponse Text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.fields = {{"Content-Type", "text/plain"}};
  response.body = std::move(body);
  return response;
}

// Waits for something that another thread brings about.
bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));  // tidy: allow sleep: between two looks
  }
  return true;
}

// Requests that a handler has put aside, to be answered by the test.
class Shelf {
 public:
  void Put(HttpRequest request, Responder responder) {
    MutexLock lock(mu_);
    entries_.emplace_back(std::move(request), std::move(responder));
    changed_.notify_all();
  }

  std::size_t size() const {
    MutexLock lock(mu_);
    return entries_.size();
  }

  bool WaitFor(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    MutexLock lock(mu_);
    while (entries_.size() < count) {
      if (!lock.WaitUntil(changed_, deadline)) return false;
    }
    return true;
  }

  // Waits for request number `index` of those put and not taken.
  std::pair<HttpRequest, Responder> Take(std::size_t index = 0) {
    EXPECT_TRUE(WaitFor(index + 1));
    MutexLock lock(mu_);
    auto entry = std::move(entries_.at(index));
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
    return entry;
  }

 private:
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::deque<std::pair<HttpRequest, Responder>> entries_;
};

class ServerTest : public ::testing::Test {
 protected:
  // The paths are the handler's behaviour: /echo, /held (put on the shelf), /large, /throw, /drop,
  // /close, /no-content, /forged, /secret; anything else answers its own path.
  void Start(const HttpServerOptions& options) {
    auto server = HttpServer::Start(
        options, metrics_,
        [this](HttpRequest request, Responder responder) {
          Handle(std::move(request), std::move(responder));
        },
        [](int status, std::string_view reason, std::string_view) {
          return Text(status, std::string(reason));
        });
    ASSERT_TRUE(server.ok()) << server.error().ToString();
    server_ = std::move(server).value();
  }
  void Start(const HttpLimits& limits = HttpLimits()) {
    HttpServerOptions options;
    options.limits = limits;
    Start(options);
  }

  RawClient Connect() { return RawClient(server_->port()); }

  double Metric(std::string_view line) const {
    const std::string all = metrics_.Expose();
    const std::size_t at = all.find("\n" + std::string(line) + " ");
    return at == std::string::npos ? 0 : std::atof(all.c_str() + at + line.size() + 2);
  }

  // Whether a request on a new connection is answered.
  bool Serves() { return Connect().Exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200; }

  Metrics metrics_;
  Shelf shelf_;
  std::atomic<int> handled_{0};
  std::atomic<int> secrets_{0};
  std::string large_;
  std::unique_ptr<HttpServer> server_;

 private:
  void Handle(HttpRequest request, Responder responder) {
    ++handled_;
    if (request.path == "/held") {
      shelf_.Put(std::move(request), std::move(responder));
    } else if (request.path == "/echo") {
      responder.Send(Text(200, request.query + request.body));
    } else if (request.path == "/large") {
      responder.Send(Text(200, large_));
    } else if (request.path == "/throw") {
      throw std::runtime_error("thrown by the test");
    } else if (request.path == "/throw-number") {
      throw 7;
    } else if (request.path == "/close") {
      HttpResponse response = Text(200, "last");
      response.close = true;
      responder.Send(std::move(response));
    } else if (request.path == "/no-content") {
      responder.Send(Text(204, "never sent"));
    } else if (request.path == "/forged") {
      HttpResponse response = Text(200, "");
      response.fields.emplace_back("Location", "/a\r\nSet-Cookie: b");
      responder.Send(std::move(response));
    } else if (request.path == "/secret") {
      ++secrets_;
      responder.Send(Text(200, "secret"));
    } else if (request.path != "/drop") {
      responder.Send(Text(200, request.path));
    }
  }
};

std::string Get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}

std::string Post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// ---- one request

using AServer = ServerTest;

TEST_F(AServer, AnswersRequestAfterRequestOnOneConnection) {
  Start();
  RawClient client = Connect();
  for (int i = 0; i < 100; ++i) {
    const RawResponse response = client.Exchange(Post("/echo?q", std::to_string(i)));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "q" + std::to_string(i));
    EXPECT_THAT(response.head, HasSubstr("HTTP/1.1 200 OK\r\nDate: "));
    EXPECT_THAT(response.head, HasSubstr("Content-Type: text/plain\r\n"));
    EXPECT_THAT(response.head, Not(HasSubstr("Connection")));
  }
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_TRUE(Eventually([this] { return server_->requests_in_flight() == 0; }));
}

TEST_F(AServer, CarriesBodiesOfAnySizeUpToTheLimit) {
  HttpLimits limits;
  limits.body_bytes_max = 3u << 20;
  Start(limits);
  RawClient client = Connect();
  for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u, 3u << 20}) {
    const std::string body(size, 'b');
    EXPECT_TRUE(client.Exchange(Post("/echo", body)).body == body) << size;
  }
}

TEST_F(AServer, KeepsTheBodyOfAnAnswerToHeadToItself) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.Receive(true).head, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_EQ(client.Exchange(Get("/next")).body, "/next");
}

TEST_F(AServer, SendsNeitherBodyNorLengthWith204) {
  Start();
  RawClient client = Connect();
  const RawResponse response = client.Exchange(Get("/no-content"));
  EXPECT_EQ(response.status, 204);
  EXPECT_THAT(response.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(client.Exchange(Get("/next")).body, "/next");
}

TEST_F(AServer, Answers500WhereTheHandlerFails) {
  Start();
  RawClient client = Connect();
  for (const char* path : {"/throw", "/throw-number", "/drop", "/forged"}) {
    const RawResponse response = client.Exchange(Get(path));
    EXPECT_EQ(response.status, 500) << path;
    EXPECT_EQ(response.body, "internal-error") << path;
    EXPECT_THAT(response.head, Not(HasSubstr("Set-Cookie"))) << path;
  }
  EXPECT_EQ(client.Exchange(Get("/next")).body, "/next");
}

TEST_F(AServer, ClosesBehindAnAnswerThatSaysSo) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/close") + Get("/never")));
  const RawResponse response = client.Receive();
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(client.ReceiveAll(), IsEmpty());
}

TEST_F(AServer, ClosesWhereTheClientAsksForIt) {
  Start();
  RawClient client = Connect();
  const RawResponse response = client.Exchange(Get("/a", "Connection: close\r\n") + Get("/b"));
  EXPECT_EQ(response.body, "/a");
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(client.ReceiveAll(), IsEmpty());
  EXPECT_EQ(handled_, 1);
}

TEST_F(AServer, SpeaksHttp10) {
  Start();
  RawClient once = Connect();
  EXPECT_THAT(once.Exchange("GET /a HTTP/1.0\r\n\r\n").head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(once.ReceiveAll(), IsEmpty());
  RawClient kept = Connect();
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = kept.Exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(response.body, "/a");
    EXPECT_THAT(response.head, HasSubstr("Connection: keep-alive\r\n"));
  }
}

TEST_F(AServer, TellsWhetherTheClientIsOnThisMachine) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held")));
  EXPECT_TRUE(shelf_.Take().first.from_loopback);
}

TEST_F(AServer, ServesIpv6) {
  HttpServerOptions options;
  options.host = "[::1]";
  Start(options);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(server_->port());
  address.sin6_addr = in6addr_loopback;
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = Get("/held");
  ASSERT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  EXPECT_TRUE(shelf_.Take().first.from_loopback);
  close(fd);
}

TEST_F(AServer, SpreadsConnectionsOverItsWorkers) {
  HttpServerOptions options;
  options.workers = 3;
  Start(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(Connect());
  for (int round = 0; round < 10; ++round) {
    for (RawClient& client : clients) ASSERT_TRUE(client.Send(Get("/a")));
    for (RawClient& client : clients) EXPECT_EQ(client.Receive().body, "/a");
  }
}

TEST_F(AServer, CountsWhatItDoes) {
  Start();
  RawClient client = Connect();
  client.Exchange(Get("/a"));
  client.Exchange(Post("/drop", ""));
  EXPECT_EQ(Metric("bitacora_http_connections"), 1);
  EXPECT_EQ(Metric("bitacora_http_connections_total"), 1);
  EXPECT_EQ(Metric("bitacora_http_requests_total{method=\"GET\",status=\"2xx\"}"), 1);
  EXPECT_EQ(Metric("bitacora_http_requests_total{method=\"POST\",status=\"5xx\"}"), 1);
  EXPECT_EQ(Metric("bitacora_http_received_bytes_total"),
            static_cast<double>((Get("/a") + Post("/drop", "")).size()));
  EXPECT_GT(Metric("bitacora_http_sent_bytes_total"), 100);
  client.Exchange("nonsense\r\n");
  EXPECT_EQ(Metric("bitacora_http_errors_total{reason=\"malformed-request\"}"), 1);
}

TEST_F(AServer, SaysWhyItCannotListen) {
  Start();
  const auto start = [this](const std::string& host, std::uint16_t port) {
    HttpServerOptions options;
    options.host = host;
    options.port = port;
    return HttpServer::Start(
        options, metrics_, [](HttpRequest, Responder) {},
        [](int, std::string_view, std::string_view) { return HttpResponse(); });
  };
  const auto in_use = start("127.0.0.1", server_->port());
  ASSERT_FALSE(in_use.ok());
  EXPECT_EQ(in_use.error().code(), ErrorCode::kAlreadyExists);
  const auto elsewhere = start("192.0.2.1", 0);
  ASSERT_FALSE(elsewhere.ok());
  EXPECT_EQ(elsewhere.error().code(), ErrorCode::kInvalidArgument);
  const auto nowhere = start("no such host.", 0);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kInvalidArgument);
}

// ---- several requests

using PipelinedRequests = ServerTest;

TEST_F(PipelinedRequests, AreAnsweredInOneRow) {
  Start();
  RawClient client = Connect();
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += Get("/" + std::to_string(i));
  std::jthread sender([&] { EXPECT_TRUE(client.Send(requests)); });
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(client.Receive().body, "/" + std::to_string(i));
}

TEST_F(PipelinedRequests, AreAnsweredInTheirOrderThoughCompletedInAnother) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held?0") + Get("/held?1") + Get("/2") + Get("/held?3")));
  ASSERT_TRUE(shelf_.WaitFor(3));
  for (const std::size_t index : {2u, 1u, 0u}) {
    EXPECT_FALSE(client.IsReadable(milliseconds(0)));
    auto [request, responder] = shelf_.Take(index);
    responder.Send(Text(200, request.query));
  }
  EXPECT_EQ(client.Receive().body, "0");
  EXPECT_EQ(client.Receive().body, "1");
  EXPECT_EQ(client.Receive().body, "/2");
  EXPECT_EQ(client.Receive().body, "3");
}

TEST_F(PipelinedRequests, BeyondTheLimitWait) {
  HttpLimits limits;
  limits.pipelined_requests_max = 4;
  Start(limits);
  RawClient client = Connect();
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += Get("/held?" + std::to_string(i));
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(shelf_.WaitFor(static_cast<std::size_t>(std::min(4, 10 - i))));
    EXPECT_EQ(handled_, std::min(10, i + 4));
    auto [request, responder] = shelf_.Take();
    responder.Send(Text(200, request.query));
    EXPECT_EQ(client.Receive().body, std::to_string(i));
  }
}

TEST_F(PipelinedRequests, WaitWhileTheClientDoesNotReadTheAnswers) {
  Start();
  large_ = std::string(4u << 20, 'l');
  RawClient client = Connect();
  std::string requests;
  for (int i = 0; i < 60; ++i) requests += Get("/large");
  ASSERT_TRUE(client.Send(requests));
  ASSERT_TRUE(Serves());
  // Sockets take some megabytes; the rest of the 240 must not have been made.
  EXPECT_LT(handled_, 20);
  for (int i = 0; i < 60; ++i) ASSERT_EQ(client.Receive().body.size(), large_.size());
}

TEST_F(PipelinedRequests, BehindAnErrorAreNotRun) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") + "nonsense\r\n\r\n" + Get("/secret")));
  auto [request, responder] = shelf_.Take();
  EXPECT_FALSE(client.IsReadable(milliseconds(0)));
  responder.Send(Text(200, "first"));
  EXPECT_EQ(client.Receive().body, "first");
  EXPECT_EQ(client.Receive().status, 400);
  EXPECT_THAT(client.ReceiveAll(), IsEmpty());
  EXPECT_EQ(secrets_, 0);
}

// ---- framing over sockets (framer_test.cc has the rules)

using HostileFraming = ServerTest;

TEST_F(HostileFraming, OfChunksSplitAnywhereHangsNobody) {
  Start();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\nabcdef\r\n1;x=y\r\ng\r\n0\r\nT: v\r\n\r\n";
  RawClient client = Connect();
  for (std::size_t split = 1; split < request.size(); ++split) {
    ASSERT_TRUE(client.Send(request.substr(0, split)));
    // The server has read the first part once it has answered somebody who came later.
    ASSERT_TRUE(Serves());
    ASSERT_EQ(client.Exchange(request.substr(split)).body, "abcdefg") << split;
  }
}

TEST_F(HostileFraming, OfATooLargeBodyRunsNothingBehindIt) {
  HttpLimits limits;
  limits.body_bytes_max = 100;
  Start(limits);
  for (const char* body_head :
       {"Content-Length: 101\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n65\r\n"}) {
    RawClient client = Connect();
    ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\n" + std::string(body_head) +
                            Get("/secret") + Get("/secret")));
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, 413);
    EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(client.ReceiveAll(), IsEmpty());
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HostileFraming, OfATooLargeBodyIsAnsweredThoughTheClientGoesOnSending) {
  HttpLimits limits;
  limits.body_bytes_max = 1'000;
  Start(limits);
  RawClient client = Connect();
  std::string request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n";
  request += std::string(8'000'000, 'x');
  EXPECT_TRUE(client.Send(request));
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(HostileFraming, GetsOneAnswerAndIsClosed) {
  Start();
  for (const char* request : {
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
           "GET / HTTP/1.1\nHost: x\n\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
           "chunked\r\n\r\nabc",
           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ch\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
           "GET / HTTP/2.0\r\n\r\n",
           "\x16\x03\x01\x02\r\n\r\n",
       }) {
    RawClient client = Connect();
    ASSERT_TRUE(client.Send(std::string(request) + Get("/secret")));
    bool reset = false;
    const std::string all = client.ReceiveAll(&reset);
    EXPECT_FALSE(reset) << request;
    EXPECT_THAT(all, ::testing::StartsWith("HTTP/1.1 ")) << request;
    EXPECT_THAT(all, HasSubstr("Connection: close\r\n")) << request;
    EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << request;
  }
  EXPECT_EQ(handled_, 0);
}

using AnExpectation = ServerTest;

TEST_F(AnExpectation, IsMetBeforeTheBodyIsSent) {
  Start();
  RawClient client = Connect();
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Exchange(head).head, "HTTP/1.1 100 Continue\r\n");
    EXPECT_EQ(client.Exchange("abc").body, "abc");
  }
  // With the body at hand nobody waits for it.
  EXPECT_EQ(client.Exchange(head + "abc").body, "abc");
}

TEST_F(AnExpectation, IsMetBehindTheAnswersBeforeIt) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") +
                          "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                          "Content-Length: 3\r\n\r\n"));
  auto [request, responder] = shelf_.Take();
  ASSERT_TRUE(Serves());
  EXPECT_FALSE(client.IsReadable(milliseconds(0)));
  responder.Send(Text(200, "first"));
  EXPECT_EQ(client.Receive().body, "first");
  EXPECT_EQ(client.Receive().status, 100);
  EXPECT_EQ(client.Exchange("abc").body, "abc");
}

TEST_F(AnExpectation, IsRefusedForABodyThatIsTooLarge) {
  Start();
  RawClient client = Connect();
  EXPECT_EQ(client
                .Exchange("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                          "Content-Length: 100000000\r\n\r\n")
                .status,
            413);
}

// ---- clients that leave or do not read

using AClientThatShutsItsSide = ServerTest;

TEST_F(AClientThatShutsItsSide, StillGetsItsAnswers) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") + Get("/b")));
  client.ShutdownWrite();
  auto [request, responder] = shelf_.Take();
  ASSERT_TRUE(Serves());
  EXPECT_TRUE(responder.Alive());
  responder.Send(Text(200, "late"));
  EXPECT_EQ(client.Receive().body, "late");
  const RawResponse last = client.Receive();
  EXPECT_EQ(last.body, "/b");
  EXPECT_THAT(last.head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(client.ReceiveAll(), IsEmpty());
}

TEST_F(AClientThatShutsItsSide, IsClosedWhereNothingIsOwed) {
  Start();
  RawClient silent = Connect();
  silent.ShutdownWrite();
  EXPECT_THAT(silent.ReceiveAll(), IsEmpty());
  RawClient partial = Connect();
  ASSERT_TRUE(partial.Send("GET / HT"));
  partial.ShutdownWrite();
  EXPECT_THAT(partial.ReceiveAll(), IsEmpty());
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
}

using AClientThatLeaves = ServerTest;

TEST_F(AClientThatLeaves, IsNoticedByWhoeverWouldAnswer) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held")));
  auto [request, responder] = shelf_.Take();
  EXPECT_TRUE(responder.Alive());
  EXPECT_EQ(server_->requests_in_flight(), 1u);
  client.Reset();
  const Responder& waiting = responder;
  EXPECT_TRUE(Eventually([&waiting] { return !waiting.Alive(); }));
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
  EXPECT_EQ(server_->requests_in_flight(), 0u);
  responder.Send(Text(200, "nobody reads this"));
  EXPECT_TRUE(Serves());
}

TEST_F(AClientThatLeaves, IsNoticedWhileReadingIsPaused) {
  HttpLimits limits;
  limits.pipelined_requests_max = 1;
  Start(limits);
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") + Get("/a") + Get("/b")));
  auto [request, responder] = shelf_.Take();
  ASSERT_TRUE(Serves());
  client.Reset();
  const Responder& waiting = responder;
  EXPECT_TRUE(Eventually([&waiting] { return !waiting.Alive(); }));
}

TEST_F(AClientThatLeaves, InTheMiddleOfALargeAnswerHarmsNobody) {
  Start();
  large_ = std::string(8u << 20, 'l');
  for (int i = 0; i < 20; ++i) {
    RawClient client = Connect();
    ASSERT_TRUE(client.Send(Get("/large")));
    ASSERT_TRUE(client.IsReadable(seconds(10)));
    client.Reset();
  }
  EXPECT_TRUE(Serves());
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
  EXPECT_EQ(server_->requests_in_flight(), 0u);
}

// Descriptors are used again at once, and answers come from another thread when their client has
// long gone: the situation in which answers went to other clients.
TEST_F(AClientThatLeaves, LeavesNoAnswerToAnother) {
  HttpServerOptions options;
  options.workers = 2;
  Start(options);
  std::jthread answerer([this](std::stop_token stop) {
    while (!stop.stop_requested() || shelf_.size() > 0) {
      if (shelf_.size() == 0) {
        std::this_thread::yield();
        continue;
      }
      auto [request, responder] = shelf_.Take();
      responder.Send(Text(200, request.query));
    }
  });
  std::vector<RawClient> silent;
  RawClient regular = Connect();
  for (int i = 0; i < 2'000; ++i) {
    RawClient leaving = Connect();
    ASSERT_TRUE(leaving.Send(Get("/held?leaving" + std::to_string(i))));
    leaving.Reset();
    if (i % 4 == 0) {
      silent.push_back(Connect());
      ASSERT_TRUE(silent.back().connected());
    }
    const std::string id = std::to_string(i);
    ASSERT_EQ(regular.Exchange(Get("/held?" + id)).body, id);
    if (silent.size() == 50) {
      for (RawClient& client : silent) {
        ASSERT_FALSE(client.IsReadable(milliseconds(0)))
            << "a foreign answer: " << client.Receive().head;
        ASSERT_EQ(client.Exchange(Get("/held?mine")).body, "mine");
      }
      silent.clear();
    }
  }
}

using ASlowReader = ServerTest;

TEST_F(ASlowReader, OfALargeAnswerDelaysNobody) {
  Start();
  large_.resize(64u << 20);
  for (std::size_t i = 0; i < large_.size(); ++i) large_[i] = static_cast<char>('a' + i % 23);
  RawClient slow = Connect();
  ASSERT_TRUE(slow.Send(Get("/large")));
  ASSERT_TRUE(slow.IsReadable(seconds(10)));
  RawClient other = Connect();
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(other.Exchange(Get("/a")).body, "/a");
  EXPECT_TRUE(Eventually([this] { return server_->requests_in_flight() == 1; }));
  EXPECT_TRUE(slow.Receive().body == large_);
  EXPECT_EQ(slow.Exchange(Get("/a")).body, "/a");
}

TEST_F(ASlowReader, WhoStopsAltogetherIsCut) {
  HttpLimits limits;
  limits.write_timeout = milliseconds(100);
  Start(limits);
  large_ = std::string(64u << 20, 'l');
  RawClient stopped = Connect();
  ASSERT_TRUE(stopped.Send(Get("/large")));
  EXPECT_TRUE(Eventually([this] { return handled_ == 1; }));
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
  EXPECT_EQ(server_->requests_in_flight(), 0u);
  EXPECT_EQ(Metric("bitacora_http_errors_total{reason=\"write-timeout\"}"), 1);
}

// ---- time-outs

using ATimeout = ServerTest;

HttpLimits ShortTimeouts() {
  HttpLimits limits;
  limits.header_timeout = milliseconds(100);
  limits.body_timeout = milliseconds(100);
  limits.idle_timeout = milliseconds(200);
  return limits;
}

TEST_F(ATimeout, EndsAHeaderBlockThatDoesNotArrive) {
  Start(ShortTimeouts());
  RawClient client = Connect();
  const RawResponse response = client.Exchange("GET / HTTP/1.1\r\nHost");
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.body, "request-timeout");
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
}

TEST_F(ATimeout, EndsABodyThatDoesNotArrive) {
  Start(ShortTimeouts());
  RawClient client = Connect();
  EXPECT_EQ(client.Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab").status,
            408);
  EXPECT_EQ(handled_, 0);
}

TEST_F(ATimeout, EndsAHeaderBlockThatDrips) {
  Start(ShortTimeouts());
  RawClient client = Connect();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\n"));
  int drops = 0;
  while (!client.IsReadable(milliseconds(10))) {
    ASSERT_LT(++drops, 1'000);
    if (!client.Send("A: b\r\n")) break;
  }
  EXPECT_EQ(client.Receive().status, 408);
}

TEST_F(ATimeout, ClosesAnIdleConnectionWithoutAWord) {
  Start(ShortTimeouts());
  RawClient fresh = Connect();
  RawClient used = Connect();
  EXPECT_EQ(used.Exchange(Get("/a")).body, "/a");
  EXPECT_THAT(used.ReceiveAll(), IsEmpty());
  EXPECT_THAT(fresh.ReceiveAll(), IsEmpty());
}

TEST_F(ATimeout, DoesNotCountWhileARequestIsBeingAnswered) {
  Start(ShortTimeouts());
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held")));
  auto [request, responder] = shelf_.Take();
  // A connection that came later has been closed as idle; this one has not.
  RawClient later = Connect();
  EXPECT_THAT(later.ReceiveAll(), IsEmpty());
  EXPECT_FALSE(client.IsReadable(milliseconds(0)));
  responder.Send(Text(200, "late"));
  EXPECT_EQ(client.Receive().body, "late");
  EXPECT_EQ(client.Exchange(Get("/a")).body, "/a");
}

TEST_F(ATimeout, DoesNotCountWhileWeMakeTheClientWait) {
  HttpLimits limits = ShortTimeouts();
  limits.pipelined_requests_max = 1;
  Start(limits);
  RawClient client = Connect();
  const std::string second = Get("/b");
  ASSERT_TRUE(client.Send(Get("/held") + second.substr(0, 10)));
  auto [request, responder] = shelf_.Take();
  RawClient later = Connect();
  EXPECT_THAT(later.ReceiveAll(), IsEmpty());
  responder.Send(Text(200, "a"));
  EXPECT_EQ(client.Receive().body, "a");
  EXPECT_EQ(client.Exchange(second.substr(10)).body, "/b");
}

TEST_F(ATimeout, DoesNotCountWhileAnEarlierAnswerIsOnItsWay) {
  // Long enough for the client to read what the sockets hold, once the server has sent all.
  HttpLimits limits;
  limits.header_timeout = milliseconds(1'000);
  limits.idle_timeout = milliseconds(1'100);
  limits.output_bytes_max = 1;
  Start(limits);
  RawClient client = Connect();
  const std::string second = Get("/b");
  ASSERT_TRUE(client.Send(Get("/held") + second.substr(0, 10)));
  auto [request, responder] = shelf_.Take();
  responder.Send(Text(200, std::string(24u << 20, 'l')));
  RawClient later = Connect();
  EXPECT_THAT(later.ReceiveAll(), IsEmpty());
  EXPECT_EQ(client.Receive().body.size(), 24u << 20);
  EXPECT_EQ(client.Exchange(second.substr(10)).body, "/b");
}

TEST_F(ATimeout, OfTheHeaderIsAnsweredBehindTheAnswersBeforeIt) {
  Start(ShortTimeouts());
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") + "GET"));
  auto [request, responder] = shelf_.Take();
  ASSERT_TRUE(Eventually(
      [this] { return Metric("bitacora_http_errors_total{reason=\"request-timeout\"}") == 1; }));
  EXPECT_FALSE(client.IsReadable(milliseconds(0)));
  responder.Send(Text(200, "a"));
  EXPECT_EQ(client.Receive().body, "a");
  EXPECT_EQ(client.Receive().status, 408);
}

TEST_F(ATimeout, EndsTheLingeringOfAClientThatGoesOnSending) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send("nonsense\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 400);
  EXPECT_TRUE(Eventually([this, &client] {
    client.Send("x");
    return server_->connections() == 0;
  }));
}

// ---- limits of the process

using TooManyConnections = ServerTest;

TEST_F(TooManyConnections, AreToldSo) {
  HttpLimits limits;
  limits.connections_max = 3;
  Start(limits);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect());
    EXPECT_EQ(clients.back().Exchange(Get("/a")).status, 200);
  }
  {
    RawClient refused = Connect();
    refused.Send(Get("/secret"));
    const RawResponse response = refused.Receive();
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.body, "too-many-connections");
    EXPECT_THAT(refused.ReceiveAll(), IsEmpty());
  }
  EXPECT_EQ(secrets_, 0);
  for (RawClient& client : clients) EXPECT_EQ(client.Exchange(Get("/a")).status, 200);
  clients.clear();
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
  EXPECT_TRUE(Serves());
}

TEST_F(TooManyConnections, AreNeverMoreThanHalfTheDescriptors) {
  HttpLimits limits;
  limits.connections_max = 1'000'000'000;
  Start(limits);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  EXPECT_EQ(server_->limits().connections_max, descriptors.rlim_cur / 2);
}

using TooManyBytes = ServerTest;

TEST_F(TooManyBytes, HeldForAllClientsTogetherRefuseWhatIsLarge) {
  HttpLimits limits;
  limits.buffered_bytes_max = 1u << 20;
  Start(limits);
  large_ = std::string(64u << 20, 'l');
  RawClient hoarder = Connect();
  ASSERT_TRUE(hoarder.Send(Get("/large")));
  ASSERT_TRUE(hoarder.IsReadable(seconds(10)));
  ASSERT_TRUE(Serves());
  RawClient reader = Connect();
  const RawResponse refused = reader.Exchange(Get("/large"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, "overloaded");
  EXPECT_EQ(reader.Exchange(Get("/a")).status, 200);
  RawClient writer = Connect();
  EXPECT_EQ(writer.Exchange(Post("/echo", std::string(4u << 20, 'b'))).status, 503);
  EXPECT_THAT(writer.ReceiveAll(), IsEmpty());
  // What is held is counted off again, whether it has gone out or not.
  EXPECT_TRUE(hoarder.Receive().body == large_);
  EXPECT_EQ(reader.Exchange(Get("/large")).status, 200);
  ASSERT_TRUE(hoarder.Send(Get("/large")));
  ASSERT_TRUE(hoarder.IsReadable(seconds(10)));
  ASSERT_EQ(reader.Exchange(Get("/large")).status, 503);
  hoarder.Reset();
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 1; }));
  EXPECT_EQ(reader.Exchange(Get("/large")).status, 200);
}

class OutOfDescriptors : public ServerTest {
 protected:
  OutOfDescriptors() { getrlimit(RLIMIT_NOFILE, &before_); }
  ~OutOfDescriptors() override { setrlimit(RLIMIT_NOFILE, &before_); }

  // So that nobody in this process gets another one.
  void Exhaust() {
    const int next = fcntl(0, F_DUPFD, 0);
    close(next);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(next);
    setrlimit(RLIMIT_NOFILE, &limit);
  }

  rlimit before_{};
};

TEST_F(OutOfDescriptors, ClientsWaitAndNobodySpins) {
  HttpLimits limits;
  limits.idle_timeout = seconds(60);
  Start(limits);
  RawClient before = Connect();
  ASSERT_EQ(before.Exchange(Get("/a")).status, 200);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server_->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  RawClient waiting(0);  // has a descriptor, but no connection yet
  Exhaust();
  ASSERT_EQ(connect(waiting.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const auto failures = [this] {
    return Metric("bitacora_http_errors_total{reason=\"no-descriptors\"}");
  };
  ASSERT_TRUE(Eventually([&] { return failures() >= 2; }));
  const double first = failures();
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(before.Exchange(Get("/a")).status, 200);
  // Tried again at each tick (a quarter of a second), not at each turn of the loop.
  EXPECT_LT(failures() - first, 100);
  ASSERT_TRUE(waiting.Send(Get("/waited")));
  setrlimit(RLIMIT_NOFILE, &before_);
  EXPECT_EQ(waiting.Receive().body, "/waited");
}

// ---- the end

using Draining = ServerTest;

std::chrono::steady_clock::time_point In(milliseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

TEST_F(Draining, AnswersWhatHasComeAndClosesWhatIsIdle) {
  Start();
  RawClient idle = Connect();
  EXPECT_EQ(idle.Exchange(Get("/a")).status, 200);
  RawClient busy = Connect();
  ASSERT_TRUE(busy.Send(Get("/held?1") + Get("/held?2")));
  RawClient partial = Connect();
  ASSERT_TRUE(partial.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab"));
  ASSERT_TRUE(shelf_.WaitFor(2));
  ASSERT_TRUE(Serves());

  bool drained = false;
  std::jthread drainer([&] { drained = server_->Drain(In(seconds(10))); });
  EXPECT_THAT(idle.ReceiveAll(), IsEmpty());
  EXPECT_FALSE(RawClient(server_->port()).connected());
  ASSERT_TRUE(partial.Send("c"));
  const RawResponse echoed = partial.Receive();
  EXPECT_EQ(echoed.body, "abc");
  EXPECT_THAT(echoed.head, HasSubstr("Connection: close\r\n"));
  for (const char* query : {"1", "2"}) {
    auto [request, responder] = shelf_.Take();
    responder.Send(Text(200, request.query));
    EXPECT_EQ(busy.Receive().body, query);
  }
  EXPECT_THAT(busy.ReceiveAll(), IsEmpty());
  busy.Close();
  partial.Close();
  idle.Close();
  drainer.join();
  EXPECT_TRUE(drained);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(Draining, EndsAtItsDeadline) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held")));
  ASSERT_TRUE(shelf_.WaitFor(1));
  EXPECT_FALSE(server_->Drain(In(milliseconds(50))));
}

TEST_F(Draining, UnderLoadLeavesNoAcceptedRequestUnanswered) {
  HttpServerOptions options;
  options.workers = 2;
  Start(options);
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([this, &answered] {
        RawClient client = Connect();
        while (client.connected()) {
          if (!client.Send(Get("/a"))) return;
          const RawResponse response = client.Receive();
          if (response.status == 200) ++answered;
          if (response.status != 200 || response.head.find("close") != std::string::npos) return;
        }
      });
    }
    ASSERT_TRUE(Eventually([&answered] { return answered > 1'000; }));
    EXPECT_TRUE(server_->Drain(In(seconds(10))));
  }
  EXPECT_EQ(answered, handled_);
}

using AnAnswerThatComesLate = ServerTest;

TEST_F(AnAnswerThatComesLate, AfterTheServerHasGoneIsDropped) {
  Start();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Get("/held") + Get("/held")));
  auto first = shelf_.Take();
  auto second = shelf_.Take();
  server_.reset();
  EXPECT_FALSE(first.second.Alive());
  first.second.Send(Text(200, "late"));
}

TEST_F(AnAnswerThatComesLate, FromTheHandlerOfAnotherConnectionIsSent) {
  Metrics metrics;
  std::deque<Responder> waiting;  // touched by the only worker
  auto server = HttpServer::Start(
      HttpServerOptions(), metrics,
      [&waiting](HttpRequest request, Responder responder) {
        if (request.path == "/wait") {
          waiting.push_back(std::move(responder));
          return;
        }
        for (Responder& one : waiting) one.Send(Text(200, "released"));
        waiting.clear();
        responder.Send(Text(200, "ok"));
      },
      [](int status, std::string_view, std::string_view) { return Text(status, ""); });
  ASSERT_TRUE(server.ok());
  RawClient first(server.value()->port());
  RawClient second(server.value()->port());
  ASSERT_TRUE(first.Send(Get("/wait") + Get("/wait")));
  ASSERT_TRUE(Eventually([&server] { return server.value()->requests_in_flight() == 2; }));
  EXPECT_EQ(second.Exchange(Get("/release")).body, "ok");
  EXPECT_EQ(first.Receive().body, "released");
  EXPECT_EQ(first.Receive().body, "released");
}

}  // namespace
}  // namespace bitacora::api
