// How other threads reach a worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/socket.h>

#include <bitacora/api/http.h>
#include <bitacora/base/mutex.h>

namespace bitacora::api::http {

class Connection;
class Mailbox;

/// One connection as the holders of its unanswered requests see it. It outlives the connection and
/// is never used for another, so an answer cannot reach a client it is not for.
struct ConnectionHandle {
  explicit ConnectionHandle(std::shared_ptr<Mailbox> mailbox_, Connection* connection_)
      : mailbox(std::move(mailbox_)), connection(connection_) {}

  // Shared by the worker and by everyone who may still answer after the server has gone.
  const std::shared_ptr<Mailbox> mailbox;
  Connection* connection;  ///< The worker's own thread only; nullptr once the client has gone.
  std::atomic<bool> alive{true};
};

/// An answer on its way to its connection.
struct Completion {
  std::shared_ptr<ConnectionHandle> to;
  std::uint64_t sequence = 0;  ///< Counts the requests of the connection.
  HttpResponse response;
  bool abandoned = false;  ///< Nobody answered; `response` is empty.
};

/// A connection that has been accepted, on its way to the worker that will own it.
struct Accepted {
  int fd = -1;
  bool refused = false;  ///< There are too many; only say so.
  sockaddr_storage address{};
};

/// What other threads leave for one worker, who sleeps in its poller meanwhile. Only the first that
/// comes while the worker sleeps costs a system call. Bounded by what waits for an answer, which
/// connections and pipelining bound. Thread-safe but for the parts marked as the worker's.
class Mailbox {
 public:
  struct Letters {
    std::vector<Completion> completions;
    std::vector<Accepted> accepted;
  };

  Mailbox();  ///< Throws std::runtime_error where no descriptor is left.
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void Post(Completion completion) EXCLUDES(mu_);
  void Post(const Accepted& accepted) EXCLUDES(mu_);
  /// Makes the worker look around, even if there is nothing.
  void Wake();

  /// Becomes readable when the worker shall look; to be watched edge-triggered and never read.
  int fd() const { return fd_; }
  /// The worker's: it is awake, nobody needs to wake it.
  void StayAwake() EXCLUDES(mu_);
  /// The worker's: moves out what there is. False where that is nothing: from then on it sleeps.
  bool TakeOrSleep(Letters* letters) EXCLUDES(mu_);
  /// Drops all that is there and all that will come.
  void Close() EXCLUDES(mu_);

 private:
  const int fd_;
  Mutex mu_;
  Letters letters_ GUARDED_BY(mu_);
  bool awake_ GUARDED_BY(mu_) = false;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace bitacora::api::http
