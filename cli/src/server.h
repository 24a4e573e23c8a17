// The server as a command sees it: requests that are repeated until they are answered.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include <bitacora/base/status.h>

#include "src/http_client.h"

namespace bitacora::cli {

/// Waits between attempts: from 0.1 s, doubled each time, at most 5 s, each shortened by up to half
/// at random so that many clients do not come at once; never less than `Retry-After` says.
class Backoff {
 public:
  std::chrono::milliseconds Next(std::chrono::seconds retry_after);

 private:
  std::chrono::milliseconds delay_{100};
};

/// Sleeps, but not beyond the moment `*stop` (may be null) becomes true.
void SleepUnless(std::chrono::milliseconds time, const std::atomic<bool>* stop);

/// For one thread.
class Server {
 public:
  /// `patience`: for how long a request is repeated.
  Server(const std::string& url, std::chrono::seconds patience,
         const std::atomic<bool>* stop = nullptr);

  /// Sends `call`, which must be safe to repeat, until there is an answer other than "later" (429,
  /// 503, 504 with Retry-After), or patience ends. Whatever the last answer is, it is returned.
  ///
  /// A server that was never reached is not waited for: kUnavailable at once. kTimeout: an attempt
  /// was sent and none was answered.
  Result<HttpAnswer> Send(const HttpCall& call);

  /// Send, for answers of the 200s; any other is an error, see ErrorOfAnswer.
  Result<HttpAnswer> Ask(const HttpCall& call);

  /// A GET that answers with a JSON object, returned as its text. `at_least`: a position that the
  /// answer must have seen; empty: none.
  Result<std::string> Get(const std::string& target, const std::string& at_least = {});

  const std::string& url() const { return client_.base(); }

 private:
  HttpClient client_;
  std::chrono::seconds patience_;
  const std::atomic<bool>* stop_;
  bool reached_ = false;
};

}  // namespace bitacora::cli
