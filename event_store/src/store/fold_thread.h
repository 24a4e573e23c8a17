// One thread that reads some partitions and folds them: the only writer of their state.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/log.h>

#include "src/store/hosted_topic.h"
#include "src/store/state_db.h"

namespace bitacora::event_store {

/// Thread-safe. Reading and folding on one thread saves a hop and a queue per record; a partition
/// always stays on the thread it was given to.
class FoldThread {
 public:
  /// Called on the fold's thread after each batch, for each partition it moved.
  using Listener = std::function<void(const TopicPartition&)>;

  FoldThread(std::string name, StateDb& state, std::unique_ptr<LogReader> reader,
             const Clock& clock, Metrics& metrics, Listener listener);
  ~FoldThread();

  /// Folds `partition` of `topic` from its `folded.fold.next` on (an adopted one is only watched),
  /// until Remove or a problem.
  void Add(std::shared_ptr<HostedTopic> topic, std::shared_ptr<HostedPartition> partition);
  void Remove(const TopicPartition& at);

  /// Records folded since the thread was made.
  std::int64_t folded() const { return folded_; }

 private:
  struct Assigned {
    std::shared_ptr<HostedTopic> topic;
    std::shared_ptr<HostedPartition> partition;
    bool stopped = false;  ///< The fold thread's: nothing of it is folded any more.
  };
  struct Resolution {
    HostedPartition* partition;
    FoldStep step;
  };
  struct Counters {
    Counter& records;
    Counter& unreadable;
    Counter& misplaced;
    Counter& batches;
  };

  void Run(const std::stop_token& stop);
  /// Folds all of one Poll and commits it, at once unless it is large.
  void FoldEvents(std::vector<ReadEvent>& events);
  void FoldOne(const std::shared_ptr<Assigned>& assigned, const StoredRecord& record);
  void Stop(Assigned& assigned, std::string_view reason, std::string detail);
  /// Of those whose state is folded: it cannot be written any more.
  void StopAll(const Error& error);
  void Publish();
  void Count(Verdict verdict);
  void HandleReadError(Assigned& assigned, const Error& error);
  void ReassignDue();
  std::shared_ptr<Assigned> Find(std::uint64_t tag) EXCLUDES(mu_);
  void Assign(std::uint64_t tag, const Assigned& assigned);

  StateDb& state_;
  const std::unique_ptr<LogReader> reader_;
  const Clock& clock_;
  const Listener listener_;
  Counters metrics_;
  std::atomic<std::int64_t> folded_{0};

  // The fold thread's own, for the batch at hand.
  FoldBatch batch_;
  std::vector<Resolution> resolutions_;
  std::unordered_map<HostedPartition*, std::shared_ptr<Assigned>> moved_;
  /// Partitions the log could not read for the moment, and when to try again.
  std::unordered_map<std::uint64_t, Deadline> reassign_;

  Mutex mu_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Assigned>> assigned_ GUARDED_BY(mu_);
  std::uint64_t last_tag_ GUARDED_BY(mu_) = 0;

  std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace bitacora::event_store
