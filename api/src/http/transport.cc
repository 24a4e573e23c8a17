#include "src/http/transport.h"

#include <exception>
#include <utility>
#include <vector>

#include <pistache/peer.h>
#include <unistd.h>

#include <bitacora/base/log.h>

namespace bitacora::api::http {
namespace {

using Pistache::Flags;
using Pistache::Polling::Mode;
using Pistache::Polling::NotifyOn;
using Pistache::Polling::Tag;

Tag TagOf(int fd) { return Tag(static_cast<std::uint64_t>(fd)); }

// Pistache's transport wants one; ours never lets it read.
class NoInput final : public Pistache::Tcp::Handler {
 public:
  void onInput(const char*, std::size_t, const std::shared_ptr<Pistache::Tcp::Peer>&) override {}
  std::shared_ptr<Pistache::Tcp::Handler> clone() const override {
    return std::make_shared<NoInput>();
  }
};

// `action`, which must not let an exception reach Pistache's loop: it would end the process.
template <typename Action>
void Guarded(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    LogError("An event of the HTTP transport failed.", {{"what", error.what()}});
  } catch (...) {
    LogError("An event of the HTTP transport failed.");
  }
}

}  // namespace

Transport::Transport(ServerState& server)
    : Pistache::Tcp::Transport(std::make_shared<NoInput>()), server_(server) {}

std::shared_ptr<Pistache::Aio::Handler> Transport::clone() const {
  auto copy = std::make_shared<Transport>(server_);
  copy->worker_ = std::make_unique<Worker>(server_, static_cast<Poller&>(*copy));
  return copy;
}

void Transport::registerPoller(Pistache::Polling::Epoll& poller) {
  Pistache::Tcp::Transport::registerPoller(poller);
  poller_ = &poller;
  const Flags<NotifyOn> read(NotifyOn::Read);
  poller.addFd(worker_->mailbox()->fd(), read, TagOf(worker_->mailbox()->fd()), Mode::Edge);
  poller.addFd(worker_->timer_fd(), read, TagOf(worker_->timer_fd()), Mode::Level);
}

void Transport::Listen(std::unique_ptr<Acceptor> acceptor) {
  const int fd = acceptor->fd();
  worker_->Listen(std::move(acceptor));
  poller_->addFd(fd, Flags<NotifyOn>(NotifyOn::Read), TagOf(fd), Mode::Level);
}

void Transport::onReady(const Pistache::Aio::FdSet& events) {
  Guarded([this] { worker_->BeginBatch(); });
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    Guarded([this, &event] {
      const auto fd = static_cast<int>(event.getTag().value());
      // Errors alone set no flag; reading then finds out.
      const bool readable = event.isReadable() || event.isHangup() || !event.isWritable();
      if (!worker_->OnEvent(fd, readable)) HandToBase(event);
    });
  }
  Guarded([this] { worker_->EndBatch(); });
}

void Transport::HandToBase(const Pistache::Aio::FdSet::Entry& event) {
  Pistache::Polling::Event copy(event.getTag());
  if (event.isReadable()) copy.flags.setFlag(NotifyOn::Read);
  std::vector<Pistache::Polling::Event> one;
  one.push_back(copy);
  Pistache::Tcp::Transport::onReady(Pistache::Aio::FdSet(std::move(one)));
}

bool Transport::Adopt(const Accepted& accepted) {
  try {
    auto address = accepted.address;
    handleNewPeer(Pistache::Tcp::Peer::Create(
        accepted.fd, Pistache::Address::fromUnix(reinterpret_cast<sockaddr*>(&address))));
    Watch(accepted.fd, true, false);  // Pistache registers edge-triggered
    return true;
  } catch (const std::exception& error) {
    LogError("A connection could not be watched.", {{"what", error.what()}});
    peers.erase(accepted.fd);
    close(accepted.fd);
    return false;
  }
}

void Transport::Watch(int fd, bool read, bool write) {
  Flags<NotifyOn> interest;
  if (read) interest.setFlag(NotifyOn::Read);
  if (write) interest.setFlag(NotifyOn::Write);
  poller_->rearmFd(fd, interest, TagOf(fd), Mode::Level);
}

void Transport::Release(int fd) {
  const auto peer = peers.find(fd);
  if (peer != peers.end()) removePeer(std::shared_ptr(peer->second));
}

}  // namespace bitacora::api::http
