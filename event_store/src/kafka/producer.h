// Appends records to Kafka; survives what librdkafka's idempotent producer does not.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/event_store/log.h>

#include "src/kafka/handles.h"
#include "src/kafka/reachability.h"
#include "src/kafka/worker.h"

namespace bitacora::event_store::kafka {

/// Thread-safe. One thread of its own delivers the answers; it and only it calls callbacks, save
/// while a producer is being retired, when the worker does so for that one's records.
///
/// A fatal error of librdkafka's (a sequence the broker disagrees with) cannot be cleared: every
/// later append of that client would fail. So the client is replaced at once by a new one. What the
/// old one still holds has a second to be delivered and is then answered; records that were on
/// their way get kTimeout, since they may be in the log. Records of the new client may overtake
/// them.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> Open(const KafkaLogOptions& options, Metrics& metrics,
                                                Reachability& reachability, Worker& worker);
  /// Waits until every record has its answer: append_timeout at most, since none lives longer.
  ~Producer();

  /// As Log::Append. A full queue is refused at once; nothing waits here.
  void Append(const TopicPartition& at, Record record, Log::AppendCallback callback);

  /// Why no append can succeed now as far as the producer knows, or success. Does not block.
  Status Ready() const;

  /// What somebody has just learnt of a topic. A record it is too small for is then refused here: a
  /// broker's refusal would make librdkafka interrupt all other appends (it starts a new epoch).
  /// And a topic known to exist that a broker denies for a moment is kUnavailable, not kNotFound.
  void Learn(const TopicDescription& topic) EXCLUDES(mu_);
  void LearnAbsent(const TopicName& topic) EXCLUDES(mu_);

 private:
  /// One librdkafka producer and its handles of topics.
  struct Client;

  Producer(const KafkaLogOptions& options, Metrics& metrics, Reachability& reachability,
           Worker& worker);

  Result<std::shared_ptr<Client>> MakeClient();
  std::shared_ptr<Client> client() const EXCLUDES(mu_);
  void Deliver(const std::stop_token& stopping);
  void ReplaceIfBroken();
  void Retire(Client& old);
  void OnDelivery(const rd_kafka_message_t& message);
  void OnError(rd_kafka_t* from, int code, const char* reason);
  std::optional<std::size_t> RecordBytesMax(const std::string& topic) const EXCLUDES(mu_);
  Status Check(const TopicPartition& at, const Record& record) const;
  Error Explain(Error error, const std::string& topic) const;

  // Constant after construction.
  const KafkaLogOptions options_;
  Worker& worker_;

  // Synchronised by themselves.
  Reachability& reachability_;
  Counter& replaced_;
  Counter& delivered_;
  Counter& refused_;
  Counter& undecided_;
  /// The client in use, only to be compared: late news of a retired one is no news.
  std::atomic<const rd_kafka_t*> current_{nullptr};
  std::atomic<bool> broken_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<int> retiring_{0};

  mutable Mutex mu_;
  std::shared_ptr<Client> client_ GUARDED_BY(mu_);  // Shared by running calls and the retirement.
  std::unordered_map<std::string, std::size_t> record_bytes_max_ GUARDED_BY(mu_);  ///< By topic.

  Deadline replaced_at_{};  // The delivering thread's.
  std::jthread deliverer_;  // Last: it uses all of the above.
};

}  // namespace bitacora::event_store::kafka
