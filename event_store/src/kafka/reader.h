// Follows partitions of Kafka, each from its own offset.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

#include "src/kafka/admin.h"
#include "src/kafka/handles.h"
#include "src/kafka/worker.h"

namespace bitacora::event_store::kafka {

/// LogReader over one librdkafka consumer that is in no group: partitions are started and stopped
/// one by one (rd_kafka_consume_start_queue) on one queue. Beside assign() this needs no group.id,
/// hence no coordinator, no connection to one and no `__consumer_offsets` in a Kafka that has none;
/// fetch, checks and version barriers are the same code. Messages are taken one at a time: the
/// batch call of 2.0.2 loses some when partitions are stopped.
///
/// Only the polling thread talks to the consumer. Assign and Unassign write down what is wanted;
/// Poll does it. So what Poll meets is always of the assignment that it made itself.
class Reader final : public LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> Open(const KafkaLogOptions& options, Metrics& metrics,
                                                 Reachability& reachability, Admin& admin,
                                                 Worker& worker, std::atomic<int>& readers);
  ~Reader() override;

  Status Assign(const TopicPartition& at, Offset from, std::uint64_t tag) override EXCLUDES(mu_);
  void Unassign(const TopicPartition& at) override EXCLUDES(mu_);
  Status Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) override;
  void Wake() override;

 private:
  /// What callers want of a partition. A higher generation replaces a lower one.
  struct Wish {
    std::uint64_t generation = 0;
    bool assigned = false;
    Offset from;
    std::uint64_t tag = 0;
  };

  /// A partition as the polling thread reads it.
  struct Reading {
    enum class State {
      kWaiting,  ///< To be started at `again_at`.
      kSilent,   ///< Being fetched, but nothing has come yet; looked after at `again_at`.
      kHeard,    ///< Being fetched, and something has come.
      kStopped,  ///< Refused; being checked.
      kEnded,    ///< Told as kError.
    };
    bool fetching() const { return state == State::kSilent || state == State::kHeard; }

    TopicPartition at;
    std::uint64_t generation = 0;
    std::uint64_t tag = 0;
    Offset next;
    Offset told_end{-1};  ///< Of the last kEnd.
    TopicHandle topic;
    State state = State::kWaiting;
    Deadline again_at{};
    int strikes = 0;        ///< Refusals since the last record or end.
    bool checking = false;  ///< The worker has it.
    bool touched = false;   ///< Is in touched_.
  };

  /// Answers of the worker's; shared with its jobs, which may finish after the reader is gone.
  struct Answers {
    struct Answer {
      TopicPartition at;
      std::uint64_t generation = 0;
      std::optional<Error> error;
    };
    Mutex mu;
    std::vector<Answer> waiting GUARDED_BY(mu);
  };

  struct MessageKey {
    const void* topic = nullptr;
    std::int32_t partition = 0;
    bool operator==(const MessageKey&) const = default;
  };
  struct HashMessageKey {
    std::size_t operator()(const MessageKey& key) const noexcept {
      return std::hash<const void*>()(key.topic) * 31 + static_cast<std::size_t>(key.partition);
    }
  };

  Reader(ClientHandle client, Metrics& metrics, Reachability& reachability, Admin& admin,
         Worker& worker, std::atomic<int>& readers);

  void ForgetEnded();
  void ApplyWishes() EXCLUDES(mu_);
  void ApplyAnswers(std::size_t room, std::vector<ReadEvent>* out);
  void LookAfterUnsettled();
  void Drain(std::size_t room, Deadline deadline, std::vector<ReadEvent>* out);
  void TellKnownEnds(std::size_t room, std::vector<ReadEvent>* out);
  void DropOutdated(std::vector<ReadEvent>* out) EXCLUDES(mu_);

  void Begin(const TopicPartition& at, const Wish& wish);
  void Forget(const TopicPartition& at);
  void Start(Reading* reading);
  void Stop(Reading* reading);
  void Heard(Reading* reading);
  void StopAndCheck(Reading* reading);
  bool Check(Reading* reading);
  void Take(const rd_kafka_message_t& message, std::vector<ReadEvent>* out);
  void Refused(Reading* reading, rd_kafka_resp_err_t code, std::vector<ReadEvent>* out);
  void End(Reading* reading, Error error, std::vector<ReadEvent>* out) EXCLUDES(mu_);
  void TellEnd(Reading* reading, Offset end, std::vector<ReadEvent>* out);
  void Add(Reading* reading, ReadEvent event, std::vector<ReadEvent>* out);
  int WaitMs(Deadline deadline) const;

  // Constant after construction.
  Reachability& reachability_;
  Admin& admin_;
  Worker& worker_;
  std::atomic<int>& readers_;
  Counter& records_;
  Counter& restarts_;

  // Synchronised by themselves.
  std::atomic<bool> woken_{false};
  const std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();

  mutable Mutex mu_;
  std::unordered_map<TopicPartition, Wish> wishes_ GUARDED_BY(mu_);
  std::vector<TopicPartition> changed_ GUARDED_BY(mu_);
  std::uint64_t generation_ GUARDED_BY(mu_) = 0;

  // The polling thread's. The client goes last: handles and messages refer to it.
  ClientHandle client_;
  QueueHandle queue_;
  std::unordered_map<TopicPartition, std::unique_ptr<Reading>> readings_;
  std::unordered_map<MessageKey, Reading*, HashMessageKey> by_message_;
  std::vector<Reading*> touched_;       ///< Met records; perhaps at their end now.
  std::vector<TopicPartition> ended_;   ///< Told as kError, to be forgotten by the next Poll.
  std::vector<Reading*> event_owners_;  ///< Of each event this Poll added.
  int unsettled_ = 0;                   ///< Readings neither kHeard nor kEnded.
};

}  // namespace bitacora::event_store::kafka
