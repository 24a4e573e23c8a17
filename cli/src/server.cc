#include "src/server.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include <bitacora/base/clock.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/uuid.h>

#include "src/problem.h"

namespace bitacora::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool IsStopped(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(); }

/// The seconds after which the server wants to be asked again; nothing: it has answered.
std::optional<seconds> AskedToRepeat(const HttpAnswer& answer) {
  if (answer.status != 429 && answer.status != 503 && answer.status != 504) return std::nullopt;
  const auto after = ParseDecimal(answer.Find("retry-after"), 3600);
  if (!after) return std::nullopt;
  return seconds(static_cast<std::int64_t>(*after));
}

}  // namespace

milliseconds Backoff::Next(seconds retry_after) {
  const auto half = static_cast<std::uint64_t>(delay_.count() / 2);
  const auto jitter = static_cast<std::int64_t>(SystemRandom().Next64() % (half + 1));
  const milliseconds wait = delay_ - milliseconds(jitter);
  delay_ = std::min(delay_ * 2, milliseconds(5'000));
  return std::max<milliseconds>(wait, retry_after);
}

void SleepUnless(milliseconds time, const std::atomic<bool>* stop) {
  constexpr milliseconds kSlice{50};
  for (; time > milliseconds::zero() && !IsStopped(stop); time -= kSlice) {
    std::this_thread::sleep_for(std::min(time, kSlice));
  }
}

Server::Server(const std::string& url, seconds patience, const std::atomic<bool>* stop)
    : client_(url, stop), patience_(patience), stop_(stop) {}

Result<HttpAnswer> Server::Send(const HttpCall& call) {
  const Deadline end = SystemClock().Now() + patience_;
  Backoff backoff;
  std::optional<Error> lost;  // The first attempt that may have arrived.
  while (true) {
    Result<HttpAnswer> answer = client_.Call(call);
    seconds retry_after{0};
    if (answer.ok()) {
      reached_ = true;
      const auto later = AskedToRepeat(*answer);
      if (!later) return answer;
      retry_after = *later;
    } else {
      if (answer.error().code() == ErrorCode::kTimeout) {
        reached_ = true;
        if (!lost) lost = answer.error();
      }
      if (!answer.error().retryable() || !reached_) return answer;
    }
    const milliseconds wait = backoff.Next(retry_after);
    if (IsStopped(stop_) || SystemClock().Now() + wait >= end) {
      return !answer.ok() && lost ? Result<HttpAnswer>(*lost) : std::move(answer);
    }
    SleepUnless(wait, stop_);
  }
}

Result<HttpAnswer> Server::Ask(const HttpCall& call) {
  BITACORA_ASSIGN_OR_RETURN(HttpAnswer answer, Send(call));
  if (answer.status < 200 || answer.status > 299) return ErrorOfAnswer(answer);
  return answer;
}

Result<std::string> Server::Get(const std::string& target, const std::string& at_least) {
  HttpCall call;
  call.target = target;
  call.fields = {{"Accept", "application/json"}};
  if (!at_least.empty()) call.fields.emplace_back("Bitacora-At-Least", at_least);
  auto answer = Ask(call);
  if (!answer.ok()) return ForReading(answer.error());
  return std::move(answer->body);
}

}  // namespace bitacora::cli
