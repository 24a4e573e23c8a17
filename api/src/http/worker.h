// One thread's connections.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/api/http.h>
#include <bitacora/base/mutex.h>

#include "src/http/acceptor.h"
#include "src/http/connection.h"
#include "src/http/framer.h"
#include "src/http/mailbox.h"
#include "src/http/server_state.h"
#include "src/http/timer_wheel.h"

namespace bitacora::api::http {

/// What the thread waits with; the transport's side of a worker.
class Poller {
 public:
  virtual ~Poller() = default;
  /// Begins to watch a new connection for reading; it is the poller's to close. False, and closed,
  /// where that cannot be done.
  virtual bool Adopt(const Accepted& accepted) = 0;
  /// Level-triggered.
  virtual void Watch(int fd, bool read, bool write) = 0;
  /// Forgets and closes the descriptor of a connection.
  virtual void Release(int fd) = 0;
};

/// Owns the connections of one thread. All methods are that thread's; `mailbox()` is for others.
class Worker {
 public:
  /// Throws std::runtime_error where no descriptor is left.
  Worker(ServerState& server, Poller& poller);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  /// To be watched level-triggered, like the acceptor's.
  int timer_fd() const { return timer_fd_; }
  /// Before the thread runs: this worker accepts, for itself and for others.
  void Listen(std::unique_ptr<Acceptor> acceptor);

  /// Around every batch of events.
  void BeginBatch();
  void EndBatch();
  /// False where `fd` is none of this worker's.
  bool OnEvent(int fd, bool readable);

  // For connections:
  ServerState& server() { return server_; }
  TimerWheel& timers() { return timers_; }
  TimerWheel::Time now() const { return now_; }
  std::string_view date() const { return date_; }
  /// Room for what is read in one go, and for a head; whoever uses it is done before it returns.
  std::string& read_buffer() { return read_buffer_; }
  std::string& head_buffer() { return head_buffer_; }
  void Watch(int fd, bool read, bool write) { poller_.Watch(fd, read, write); }
  void SettleLater(Connection* connection);
  /// The connection is over; its object stays until the batch ends.
  void Remove(Connection* connection);
  /// What to say about `error`; does not throw.
  HttpResponse ErrorAnswer(const FramingError& error);

 private:
  void OnTick();
  void NeedTick();
  void Accept(std::size_t most);
  void Add(const Accepted& accepted);
  void TakeLetters();
  template <typename Action>
  void Protect(Connection* connection, Action action);
  void SettleAll();
  void BeginDrain();

  ServerState& server_;
  Poller& poller_;
  const std::shared_ptr<Mailbox> mailbox_;  // shared with those who will answer
  const int timer_fd_;
  bool ticking_ = false;
  std::unique_ptr<Acceptor> acceptor_;
  bool accepts_ = true;  // false while there is no descriptor left
  bool draining_ = false;

  TimerWheel::Time now_;
  std::time_t date_second_ = 0;
  std::string date_;
  TimerWheel timers_;

  std::string read_buffer_;
  std::string head_buffer_;
  Mailbox::Letters letters_;
  std::vector<std::unique_ptr<Connection>> by_fd_;
  std::size_t count_ = 0;
  std::vector<Connection*> to_settle_;
  std::vector<std::unique_ptr<Connection>> removed_;
};

/// Carries the answer to request number `sequence` to its connection, from any thread.
std::unique_ptr<Responder::Sink> MakeSink(std::shared_ptr<ConnectionHandle> to,
                                          std::uint64_t sequence);

}  // namespace bitacora::api::http
