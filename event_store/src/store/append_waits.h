// Those who have produced an append and wait for the fold to meet it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/mutex.h>
#include <bitacora/domain/admit.h>
#include <bitacora/event_store/event_store.h>

namespace bitacora::event_store {

/// The waiters of one partition, keyed by stream and append id and never by offset: an
/// acknowledgement may lack it. Thread-safe; callbacks are called without the lock.
class AppendWaits : public std::enable_shared_from_this<AppendWaits> {
 public:
  explicit AppendWaits(DeadlineTimer& timer) : timer_(timer) {}
  /// Answers those who still wait "append-undecided".
  void Close();

  enum class Joined {
    kFirst,     ///< The caller now appends the record.
    kFollower,  ///< An equal append is in flight; its verdict answers this one too.
  };
  /// At `deadline` the callback gets kTimeout "append-undecided".
  Joined Add(std::string_view stream, std::string_view append_id, const Fingerprint& fingerprint,
             Deadline deadline, EventStore::AppendCallback callback);

  /// The fold met a record: answers whom it answers. `log_tag` and `partition` complete the
  /// outcome.
  void Resolve(const FoldStep& step, Partition partition, std::uint32_t log_tag);

  /// The record is surely not in the log: answers all who wait for it with `error`.
  void Fail(std::string_view stream, std::string_view append_id, const Fingerprint& fingerprint,
            const Error& error);

  /// Whether anybody waits; may be a moment old. Spares the fold the look-ups while it catches up.
  bool empty() const { return waiting_ == 0; }

 private:
  struct Waiter {
    Fingerprint fingerprint;
    EventStore::AppendCallback callback;
    std::uint64_t serial;
    DeadlineTimer::Ticket ticket;
  };
  static std::string KeyOf(std::string_view stream, std::string_view append_id);
  std::vector<Waiter> Take(const std::string& key, const Fingerprint& fingerprint) EXCLUDES(mu_);
  void Expire(const std::string& key, std::uint64_t serial) EXCLUDES(mu_);

  DeadlineTimer& timer_;
  std::atomic<std::size_t> waiting_{0};
  Mutex mu_;
  std::unordered_map<std::string, std::vector<Waiter>> waiters_ GUARDED_BY(mu_);
  std::uint64_t last_serial_ GUARDED_BY(mu_) = 0;
};

/// What a client is told of a verdict.
AppendOutcome OutcomeOf(const Remembered& remembered, std::string_view append_id,
                        Partition partition, std::uint32_t log_tag, bool replayed);

}  // namespace bitacora::event_store
