// One connection to a server, over libcurl.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/status.h>

namespace bitacora::cli {

struct HttpCall {
  std::string method = "GET";
  std::string target;  ///< Path and query, encoded.
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::chrono::milliseconds timeout{30'000};  ///< For all of it, connecting included.
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  ///< Names in lower case.
  std::string body;

  /// The first field called `name` (lower case), or "".
  std::string_view Find(std::string_view name) const;
};

/// Keeps its connection open between calls. For one thread; make one for each.
///
/// Redirects are not followed, and HTTP and HTTPS are all it speaks. The environment's proxies
/// (http_proxy, no_proxy) are honoured, as other tools do.
class HttpClient {
 public:
  /// `base` is as ParseServerUrl returns it. Once `*stop` is true a running call ends, within a
  /// second, with "interrupted"; null: never.
  explicit HttpClient(std::string base, const std::atomic<bool>* stop = nullptr);
  ~HttpClient();

  /// Any whole answer, whatever its status. kUnavailable: not connected, nothing was sent.
  /// kTimeout: sent, at least in part, and no whole answer came: it may have been done.
  /// kResourceExhausted: the answer is larger than 256 MiB.
  Result<HttpAnswer> Call(const HttpCall& call);

  const std::string& base() const { return base_; }

 private:
  struct Curl;
  std::string base_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace bitacora::cli
