// One client's connection: bytes in, requests to the handler, answers out in the requests' order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <bitacora/api/http.h>

#include "src/http/framer.h"
#include "src/http/mailbox.h"
#include "src/http/output.h"
#include "src/http/timer_wheel.h"

namespace bitacora::api::http {

class Worker;

/// Lives on its worker's thread; every method is called there.
///
/// A connection is *open* while requests are read, *finishing* once no more will be but answers are
/// still to go out, and *lingering* when all has been sent: our side is shut and what the client
/// still sends is thrown away until it closes, for closing with unread bytes would reset the
/// connection and destroy the last answer on its way.
///
/// Each request has a slot from the moment it is handed to the handler until its answer has been
/// put behind the answers before it. An answer that comes in pieces, when there is one, fills the
/// slot at the front piece by piece; nothing else depends on answers being whole.
class Connection final : public TimerWheel::Entry {
 public:
  /// `fd` is the worker's to close.
  Connection(Worker& worker, int fd, bool from_loopback);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }

  /// The poller saw something on the socket. That is only a hint: it may have been meant for an
  /// earlier connection with the same descriptor, so the socket itself is asked.
  void OnEvent(bool readable);
  void OnTimeout();

  /// Takes the answer to request number `sequence`. What can be sent then goes out at the latest
  /// when the worker has looked at all that lies before it.
  void Deliver(std::uint64_t sequence, HttpResponse response);
  void DeliverAbandoned(std::uint64_t sequence);

  /// Sends what can be sent, goes on with what had to wait, and arranges for what comes next. To be
  /// called after anything else has been done.
  void Settle();

  /// Gives the connection up at once: an exception has left it in a state nobody knows.
  void Abort();

  /// Answers the requests that have come, or are coming, and closes.
  void BeginDrain();
  /// Says `error` without having read anything, and closes.
  void Refuse(const FramingError& error);

 private:
  enum class Phase { kOpen, kFinishing, kLingering, kClosed };

  struct Slot {
    bool answered = false;
    bool handed_out = true;  // to the handler; false where the answer is an error page of ours
    bool head = false;
    bool http_1_0 = false;
    bool keep_alive = true;
    std::size_t method_label = 0;
    HttpResponse response;
  };

  bool MayBegin() const;
  bool MayRead() const;
  void Read();
  void Discard();
  void Consume(std::string_view input);
  void Dispatch(FramedRequest framed);
  void Fail(const FramingError& error);

  void PumpAnswers();
  void Encode(Slot* slot, bool close);
  bool IsLastSlot() const;
  void DropSlots();
  void Send();
  void FinishIfDone();
  void CountBuffered();
  void Close();
  void Cut();

  void OnWriteTimeout();
  void OnReadTimeout();
  void UpdateInterest();
  void UpdateDeadline();

  Worker& worker_;
  const int fd_;
  const bool from_loopback_;
  const std::shared_ptr<ConnectionHandle> handle_;

  Phase phase_ = Phase::kOpen;
  bool end_of_input_ = false;  // the client has shut its side
  bool consuming_ = false;     // Consume is on the stack and will be followed by Settle
  bool input_left_ = false;    // ... and has more to look at
  bool draining_ = false;
  bool continue_due_ = false;  // "100 Continue" is to be sent behind the answers before it
  bool blocked_ = false;       // the socket took less than there was
  bool watches_read_ = true;
  bool watches_write_ = false;

  Framer framer_;
  std::string held_;  // bytes read while no further request may be begun
  std::deque<Slot> slots_;
  std::uint64_t first_sequence_ = 0;       // of slots_.front()
  std::size_t answers_unsent_ = 0;         // of the handler's, in output_
  std::size_t answers_waiting_bytes_ = 0;  // of bodies in slots_
  std::size_t buffered_counted_ = 0;       // our part of the server's buffered_bytes
  Output output_;

  Framer::Stage timed_stage_ = Framer::Stage::kBetween;
  TimerWheel::Time stage_since_;  // when the framer came to its stage
  TimerWheel::Time progress_at_;  // when output_ last shrank, or began to fill
  int kernel_unsent_ = 0;         // at the time of progress_at_
  TimerWheel::Time linger_until_;

  friend class Worker;  // puts it on the list of those to settle
  bool to_settle_ = false;
};

}  // namespace bitacora::api::http
