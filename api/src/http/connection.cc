#include "src/http/connection.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <bitacora/base/log.h>

#include "src/http/encoder.h"
#include "src/http/worker.h"

namespace bitacora::api::http {
namespace {

constexpr std::chrono::seconds kLingerTimeout{2};

// What a request or an answer may hold even if all connections together hold too much.
constexpr std::size_t kSmallBytes = 64u << 10;

constexpr FramingError kOverloaded{503, "overloaded",
                                   "The server holds as many requests and answers as it can."};
constexpr FramingError kHeaderTimeout{408, "request-timeout",
                                      "The header block did not arrive in time."};
constexpr FramingError kBodyTimeout{408, "request-timeout", "The body did not arrive in time."};

// Whether the client has reset the connection, without reading from it.
bool IsReset(int fd) {
  pollfd state{fd, 0, 0};
  return poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

// Bytes the kernel has taken and the client has not acknowledged.
int KernelUnsent(int fd) {
  int bytes = 0;
  return ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace

Connection::Connection(Worker& worker, int fd, bool from_loopback)
    : worker_(worker),
      fd_(fd),
      from_loopback_(from_loopback),
      handle_(std::make_shared<ConnectionHandle>(worker.mailbox(), this)),
      framer_(worker.server().limits),
      stage_since_(worker.now()),
      progress_at_(worker.now()) {
  UpdateDeadline();
}

Connection::~Connection() {
  handle_->alive.store(false, std::memory_order_relaxed);
  handle_->connection = nullptr;
}

// ---- reading

bool Connection::MayBegin() const {
  const HttpLimits& limits = worker_.server().limits;
  return phase_ == Phase::kOpen && slots_.size() < limits.pipelined_requests_max &&
         output_.size() <= limits.output_bytes_max;
}

bool Connection::MayRead() const { return MayBegin() && held_.empty(); }

void Connection::OnEvent(bool readable) {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kLingering) return Discard();
  if (watches_write_) Send();
  if (MayRead()) {
    if (readable) Read();
  } else if (phase_ != Phase::kClosed && IsReset(fd_)) {
    Close();
  }
  Settle();
}

void Connection::Read() {
  std::string& buffer = worker_.read_buffer();
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    worker_.server().metrics.Received(static_cast<std::size_t>(got));
    Consume(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    if (phase_ == Phase::kOpen && framer_.body_bytes() > kSmallBytes &&
        worker_.server().buffered_bytes.load(std::memory_order_relaxed) >
            worker_.server().limits.buffered_bytes_max) {
      Fail(kOverloaded);
    }
  } else if (got == 0) {
    // A client may shut its side once it has sent all its requests; they are still answered.
    end_of_input_ = true;
    phase_ = Phase::kFinishing;
  } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    Close();
  }
}

void Connection::Discard() {
  std::string& buffer = worker_.read_buffer();
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))) return;
  Close();
}

void Connection::Consume(std::string_view input) {
  consuming_ = true;
  bool request_ended = false;
  while (!input.empty() && MayBegin()) {
    switch (framer_.Next(&input)) {
      case Framer::Progress::kMore:
        break;
      case Framer::Progress::kContinue:
        // Where the body has begun to come, nobody waits for it.
        continue_due_ = input.empty();
        break;
      case Framer::Progress::kRequest:
        input_left_ = !input.empty();
        request_ended = true;
        Dispatch(framer_.Take());
        break;
      case Framer::Progress::kError:
        Fail(framer_.error());
        break;
    }
  }
  consuming_ = false;
  input_left_ = false;
  if (phase_ == Phase::kOpen) held_.assign(input);
  if (request_ended || framer_.stage() != timed_stage_) {
    timed_stage_ = framer_.stage();
    stage_since_ = worker_.now();
  }
}

void Connection::Dispatch(FramedRequest framed) {
  HttpRequest& request = framed.request;
  request.from_loopback = from_loopback_;
  continue_due_ = false;
  Slot& slot = slots_.emplace_back();
  slot.head = request.method == "HEAD";
  slot.http_1_0 = framed.http_1_0;
  slot.keep_alive = framed.keep_alive;
  slot.method_label = MethodLabel(request.method);
  if (!framed.keep_alive) phase_ = Phase::kFinishing;
  worker_.server().requests_in_flight.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t sequence = first_sequence_ + slots_.size() - 1;
  try {
    worker_.server().handler(std::move(request), Responder(MakeSink(handle_, sequence)));
  } catch (const std::exception& error) {
    // The responder has been destroyed on the way here, and so has answered 500.
    LogError("A request handler threw an exception.", {{"what", error.what()}});
  } catch (...) {
    LogError("A request handler threw something that is no exception.");
  }
}

void Connection::Fail(const FramingError& error) {
  worker_.server().metrics.Failed(error.reason);
  Slot& slot = slots_.emplace_back();
  slot.handed_out = false;
  slot.answered = true;
  slot.keep_alive = false;
  slot.method_label = MethodLabel("");
  slot.response = worker_.ErrorAnswer(error);
  answers_waiting_bytes_ += slot.response.body.size();
  phase_ = Phase::kFinishing;
}

void Connection::Refuse(const FramingError& error) {
  Fail(error);
  Settle();
}

// ---- answering

void Connection::Deliver(std::uint64_t sequence, HttpResponse response) {
  // Answers behind one that closed the connection are nobody's any more.
  if (phase_ == Phase::kClosed || sequence - first_sequence_ >= slots_.size()) return;
  Slot& slot = slots_[sequence - first_sequence_];
  slot.answered = true;
  slot.response = std::move(response);
  ServerState& server = worker_.server();
  if (slot.response.body.size() > kSmallBytes &&
      server.buffered_bytes.load(std::memory_order_relaxed) > server.limits.buffered_bytes_max) {
    server.metrics.Failed(kOverloaded.reason);
    slot.response = worker_.ErrorAnswer(kOverloaded);
  }
  if (!IsSendable(slot.response)) {
    LogError("An answer could not be sent as it was made.",
             {{"status", std::int64_t{slot.response.status}}});
    slot.response = worker_.ErrorAnswer({500, "internal-error", "The server made a bad answer."});
  }
  answers_waiting_bytes_ += slot.response.body.size();
  PumpAnswers();
  if (!consuming_) worker_.SettleLater(this);
}

void Connection::DeliverAbandoned(std::uint64_t sequence) {
  Deliver(sequence,
          worker_.ErrorAnswer({500, "internal-error", "The server gave up this request."}));
}

// Whether no answer will follow that to the request at the front.
bool Connection::IsLastSlot() const {
  if (slots_.size() > 1) return false;
  if (phase_ == Phase::kFinishing) return true;
  return worker_.server().draining.load(std::memory_order_relaxed) && !input_left_ &&
         held_.empty() && framer_.stage() == Framer::Stage::kBetween;
}

void Connection::PumpAnswers() {
  while (!slots_.empty() && slots_.front().answered) {
    Slot& slot = slots_.front();
    const bool close = slot.response.close || !slot.keep_alive || IsLastSlot();
    Encode(&slot, close);
    slots_.pop_front();
    ++first_sequence_;
    if (close) {
      DropSlots();
      phase_ = Phase::kFinishing;
    }
  }
  if (slots_.empty() && continue_due_ && phase_ == Phase::kOpen) {
    continue_due_ = false;
    stage_since_ = worker_.now();
    output_.Append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  }
}

void Connection::Encode(Slot* slot, bool close) {
  HttpResponse& response = slot->response;
  answers_waiting_bytes_ -= response.body.size();
  if (output_.empty()) progress_at_ = worker_.now();
  std::string& head = worker_.head_buffer();
  head.clear();
  AppendHead(response, {worker_.date(), slot->http_1_0, close}, &head);
  output_.Append(std::string_view(head));
  if (!slot->head && HasBody(response.status)) output_.Append(std::move(response.body));
  if (slot->handed_out) ++answers_unsent_;
  worker_.server().metrics.Answered(slot->method_label, response.status);
}

void Connection::DropSlots() {
  const auto dropped = static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.handed_out; }));
  worker_.server().requests_in_flight.fetch_sub(dropped, std::memory_order_relaxed);
  first_sequence_ += slots_.size();
  slots_.clear();
  answers_waiting_bytes_ = 0;
}

void Connection::Send() {
  if (output_.empty()) return;
  std::size_t sent = 0;
  const Output::Sent outcome = output_.Flush(fd_, &sent);
  worker_.server().metrics.Sent(sent);
  switch (outcome) {
    case Output::Sent::kBroken:
      Close();
      return;
    case Output::Sent::kSome:
      blocked_ = true;
      if (sent > 0) {
        progress_at_ = worker_.now();
        kernel_unsent_ = KernelUnsent(fd_);
      }
      return;
    case Output::Sent::kAll:
      blocked_ = false;
      progress_at_ = worker_.now();
      worker_.server().requests_in_flight.fetch_sub(std::exchange(answers_unsent_, 0),
                                                    std::memory_order_relaxed);
  }
}

// ---- going on and ending

void Connection::Settle() {
  if (phase_ == Phase::kClosed) return;
  PumpAnswers();
  if (!blocked_) Send();
  while (!held_.empty() && MayBegin()) {
    const std::string held = std::exchange(held_, std::string());
    Consume(held);
    PumpAnswers();
    if (!blocked_) Send();
  }
  if (draining_ && phase_ == Phase::kOpen && held_.empty() &&
      framer_.stage() == Framer::Stage::kBetween) {
    phase_ = Phase::kFinishing;
  }
  FinishIfDone();
  CountBuffered();
  UpdateInterest();
  UpdateDeadline();
}

void Connection::FinishIfDone() {
  if (phase_ != Phase::kFinishing || !slots_.empty() || !output_.empty()) return;
  if (end_of_input_ || shutdown(fd_, SHUT_WR) != 0) return Close();
  phase_ = Phase::kLingering;
  linger_until_ = worker_.now() + kLingerTimeout;
}

// Most connections hold little; they are not counted, and cost nothing here.
void Connection::CountBuffered() {
  std::size_t held = 0;
  if (phase_ != Phase::kClosed) {
    held = framer_.body_bytes() + output_.size() + answers_waiting_bytes_;
    if (held <= kSmallBytes) held = 0;
  }
  if (held == buffered_counted_) return;
  worker_.server().buffered_bytes.fetch_add(held - buffered_counted_, std::memory_order_relaxed);
  buffered_counted_ = held;
}

void Connection::BeginDrain() {
  draining_ = true;
  if (MayRead()) Read();
  Settle();
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  handle_->alive.store(false, std::memory_order_relaxed);
  handle_->connection = nullptr;
  DropSlots();
  CountBuffered();
  worker_.server().requests_in_flight.fetch_sub(std::exchange(answers_unsent_, 0),
                                                std::memory_order_relaxed);
  worker_.Remove(this);
}

// Gives up on a client that does not read: what the kernel still holds for it is dropped too.
void Connection::Cut() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

void Connection::Abort() {
  worker_.server().metrics.Failed("internal-error");
  Cut();
}

// ---- time

void Connection::OnTimeout() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kLingering) {
    Close();
  } else if (!output_.empty() &&
             progress_at_ + worker_.server().limits.write_timeout <= worker_.now()) {
    OnWriteTimeout();
  } else if (MayRead()) {
    OnReadTimeout();
  }
  Settle();
}

void Connection::OnWriteTimeout() {
  // The kernel asks for more only when a good part of its buffer is free; a client that reads
  // slowly has made progress before that.
  const int unsent = KernelUnsent(fd_);
  if (unsent < kernel_unsent_) {
    kernel_unsent_ = unsent;
    progress_at_ = worker_.now();
    return;
  }
  worker_.server().metrics.Failed("write-timeout");
  Cut();
}

void Connection::OnReadTimeout() {
  const HttpLimits& limits = worker_.server().limits;
  switch (framer_.stage()) {
    case Framer::Stage::kHeader:
      if (stage_since_ + limits.header_timeout <= worker_.now()) Fail(kHeaderTimeout);
      return;
    case Framer::Stage::kBody:
      if (stage_since_ + limits.body_timeout <= worker_.now()) Fail(kBodyTimeout);
      return;
    case Framer::Stage::kBetween:
      if (slots_.empty() && output_.empty()) phase_ = Phase::kFinishing;
      return;
    case Framer::Stage::kFailed:
      return;
  }
}

void Connection::UpdateInterest() {
  if (phase_ == Phase::kClosed) return;
  const bool read = MayRead() || phase_ == Phase::kLingering;
  const bool write = blocked_;
  if (read == watches_read_ && write == watches_write_) return;
  watches_read_ = read;
  watches_write_ = write;
  worker_.Watch(fd_, read, write);
}

void Connection::UpdateDeadline() {
  const HttpLimits& limits = worker_.server().limits;
  auto deadline = TimerWheel::Time::max();
  if (phase_ == Phase::kLingering) {
    deadline = linger_until_;
  } else if (phase_ != Phase::kClosed) {
    if (!output_.empty()) deadline = progress_at_ + limits.write_timeout;
    if (!MayRead()) {
      stage_since_ = worker_.now();  // it is we who make the client wait
    } else if (framer_.stage() == Framer::Stage::kHeader) {
      deadline = std::min(deadline, stage_since_ + limits.header_timeout);
    } else if (framer_.stage() == Framer::Stage::kBody && !continue_due_) {
      deadline = std::min(deadline, stage_since_ + limits.body_timeout);
    } else if (slots_.empty() && output_.empty()) {
      deadline = std::max(stage_since_, progress_at_) + limits.idle_timeout;
    }
  }
  worker_.timers().Set(this, deadline);
}

}  // namespace bitacora::api::http
