#include "src/http/worker.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include <sys/timerfd.h>
#include <unistd.h>

#include <bitacora/base/log.h>

#include "src/http/encoder.h"

namespace bitacora::api::http {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kAcceptedAtOnceMax = 64;
// After so many rounds of answers from elsewhere the sockets have their turn again.
constexpr int kLetterRoundsMax = 4;

constexpr FramingError kTooManyConnections{503, "too-many-connections",
                                           "This server has as many connections as it accepts."};

// The mailbox of the worker whose thread this is, if it is one's.
thread_local const Mailbox* g_mailbox_of_this_thread = nullptr;

// A sixteenth of the shortest time-out, between 1 and 250 ms.
std::chrono::milliseconds TickFor(const HttpLimits& limits) {
  const auto shortest = std::min(
      {limits.header_timeout, limits.body_timeout, limits.idle_timeout, limits.write_timeout});
  return std::clamp(shortest / 16, std::chrono::milliseconds(1), std::chrono::milliseconds(250));
}

class ConnectionSink final : public Responder::Sink {
 public:
  ConnectionSink(std::shared_ptr<ConnectionHandle> to, std::uint64_t sequence)
      : to_(std::move(to)), sequence_(sequence) {}

  void Deliver(HttpResponse response) override {
    if (!Alive()) return;
    if (to_->mailbox.get() == g_mailbox_of_this_thread) {
      if (to_->connection != nullptr) to_->connection->Deliver(sequence_, std::move(response));
    } else {
      to_->mailbox->Post(Completion{to_, sequence_, std::move(response), false});
    }
  }

  void Abandon() override {
    if (!Alive()) return;
    if (to_->mailbox.get() == g_mailbox_of_this_thread) {
      if (to_->connection != nullptr) to_->connection->DeliverAbandoned(sequence_);
    } else {
      to_->mailbox->Post(Completion{to_, sequence_, HttpResponse(), true});
    }
  }

  bool Alive() const override { return to_->alive.load(std::memory_order_relaxed); }

 private:
  const std::shared_ptr<ConnectionHandle> to_;  // shared with the connection
  const std::uint64_t sequence_;
};

int MakeTimer() {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::runtime_error("no descriptor for a timer");
  return fd;
}

}  // namespace

std::unique_ptr<Responder::Sink> MakeSink(std::shared_ptr<ConnectionHandle> to,
                                          std::uint64_t sequence) {
  return std::make_unique<ConnectionSink>(std::move(to), sequence);
}

Worker::Worker(ServerState& server, Poller& poller)
    : server_(server),
      poller_(poller),
      mailbox_(std::make_shared<Mailbox>()),
      timer_fd_(MakeTimer()),
      now_(std::chrono::steady_clock::now()),
      timers_(TickFor(server.limits), now_),
      read_buffer_(kReadBytes, '\0') {}

Worker::~Worker() {
  mailbox_->Close();
  for (const auto& connection : by_fd_) {
    if (connection != nullptr) close(connection->fd());
  }
  close(timer_fd_);
}

void Worker::BeginBatch() {
  g_mailbox_of_this_thread = mailbox_.get();
  mailbox_->StayAwake();
  now_ = std::chrono::steady_clock::now();
  if (const std::time_t second = std::time(nullptr); second != date_second_) {
    date_second_ = second;
    date_ = FormatDate(second);
  }
}

// Does `action` to one connection. An exception, which only exhausted memory or descriptors bring
// about here, costs that connection and no other.
template <typename Action>
void Worker::Protect(Connection* connection, Action action) {
  try {
    action(connection);
    return;
  } catch (const std::exception& error) {
    LogError("A connection failed.", {{"what", error.what()}});
  } catch (...) {
    LogError("A connection failed.");
  }
  connection->Abort();
}

void Worker::EndBatch() {
  try {
    if (!draining_ && server_.draining.load(std::memory_order_acquire)) BeginDrain();
    SettleAll();
    for (int round = 0; mailbox_->TakeOrSleep(&letters_); ++round) {
      TakeLetters();
      SettleAll();
      if (round == kLetterRoundsMax) {
        mailbox_->Wake();
        break;
      }
    }
    removed_.clear();
  } catch (...) {
    letters_ = Mailbox::Letters();  // half read; none may be read twice
    mailbox_->Wake();               // awake as far as others know, so nobody else would
    throw;
  }
}

void Worker::TakeLetters() {
  for (const Accepted& accepted : letters_.accepted) Add(accepted);
  letters_.accepted.clear();
  for (Completion& letter : letters_.completions) {
    if (letter.to->connection == nullptr) continue;
    Protect(letter.to->connection, [&letter](Connection* connection) {
      if (letter.abandoned) {
        connection->DeliverAbandoned(letter.sequence);
      } else {
        connection->Deliver(letter.sequence, std::move(letter.response));
      }
    });
  }
  letters_.completions.clear();
}

bool Worker::OnEvent(int fd, bool readable) {
  const auto index = static_cast<std::size_t>(fd);
  if (index < by_fd_.size() && by_fd_[index] != nullptr) {
    Protect(by_fd_[index].get(),
            [readable](Connection* connection) { connection->OnEvent(readable); });
  } else if (fd == timer_fd_) {
    OnTick();
  } else if (acceptor_ != nullptr && fd == acceptor_->fd()) {
    Accept(kAcceptedAtOnceMax);
  } else {
    return fd == mailbox_->fd();
  }
  return true;
}

void Worker::OnTick() {
  std::uint64_t ticks = 0;
  static_cast<void>(!read(timer_fd_, &ticks, sizeof ticks));
  timers_.Advance(now_,
                  [](TimerWheel::Entry* entry) { static_cast<Connection*>(entry)->OnTimeout(); });
  if (!accepts_) {
    accepts_ = true;
    poller_.Watch(acceptor_->fd(), true, false);
  } else if (count_ == 0) {
    ticking_ = false;
    const itimerspec never{};
    timerfd_settime(timer_fd_, 0, &never, nullptr);
  }
}

void Worker::NeedTick() {
  if (ticking_) return;
  ticking_ = true;
  const auto nanoseconds = std::chrono::nanoseconds(timers_.tick()).count();
  const timespec tick{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  const itimerspec each{tick, tick};
  timerfd_settime(timer_fd_, 0, &each, nullptr);
}

void Worker::Listen(std::unique_ptr<Acceptor> acceptor) { acceptor_ = std::move(acceptor); }

void Worker::Accept(std::size_t most) {
  if (acceptor_->AcceptSome(most)) return;
  // The next connection waits in the kernel's queue, where it would be announced at once again.
  server_.metrics.Failed("no-descriptors");
  accepts_ = false;
  poller_.Watch(acceptor_->fd(), false, false);
  NeedTick();
}

void Worker::Add(const Accepted& accepted) {
  const auto index = static_cast<std::size_t>(accepted.fd);
  if (index >= by_fd_.size()) by_fd_.resize(index + 1);
  auto connection = std::make_unique<Connection>(*this, accepted.fd, IsLoopback(accepted.address));
  if (!poller_.Adopt(accepted)) {
    server_.Disconnected();
    return;
  }
  by_fd_[index] = std::move(connection);
  ++count_;
  NeedTick();
  Protect(by_fd_[index].get(), [this, &accepted](Connection* added) {
    if (accepted.refused) {
      added->Refuse(kTooManyConnections);
    } else if (draining_) {
      added->BeginDrain();
    }
  });
}

void Worker::SettleLater(Connection* connection) {
  if (std::exchange(connection->to_settle_, true)) return;
  to_settle_.push_back(connection);
}

void Worker::SettleAll() {
  // Settling one may let a handler answer another: the list may grow meanwhile.
  for (std::size_t i = 0; i < to_settle_.size(); ++i) {
    Connection* connection = to_settle_[i];
    connection->to_settle_ = false;
    Protect(connection, [](Connection* settled) { settled->Settle(); });
  }
  to_settle_.clear();
}

void Worker::Remove(Connection* connection) {
  std::unique_ptr<Connection>& place = by_fd_[static_cast<std::size_t>(connection->fd())];
  removed_.push_back(std::move(place));
  --count_;
  poller_.Release(connection->fd());
  server_.Disconnected();
}

void Worker::BeginDrain() {
  draining_ = true;
  if (acceptor_ != nullptr) {
    // Those that wait in the kernel's queue would be reset with the socket.
    static_cast<void>(acceptor_->AcceptSome(SOMAXCONN));
    acceptor_.reset();
    accepts_ = true;
  }
  for (std::size_t i = 0; i < by_fd_.size(); ++i) {
    if (by_fd_[i] == nullptr) continue;
    Protect(by_fd_[i].get(), [](Connection* connection) { connection->BeginDrain(); });
  }
}

HttpResponse Worker::ErrorAnswer(const FramingError& error) {
  try {
    HttpResponse page = server_.error_page(error.status, error.reason, error.detail);
    if (IsSendable(page)) return page;
    LogError("An error page cannot be sent.", {{"reason", error.reason}});
  } catch (const std::exception& thrown) {
    LogError("An error page could not be made.", {{"what", thrown.what()}});
  } catch (...) {
    LogError("An error page could not be made.");
  }
  HttpResponse bare;
  bare.status = error.status;
  return bare;
}

}  // namespace bitacora::api::http
