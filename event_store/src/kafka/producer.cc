#include "src/kafka/producer.h"

#include <array>
#include <thread>
#include <unordered_map>
#include <utility>

#include <bitacora/base/log.h>

#include "src/kafka/config.h"
#include "src/kafka/errors.h"

namespace bitacora::event_store::kafka {
namespace {

constexpr int kPollMs = 100;
/// Between two looks for reports: nobody waits for success, which shows in the log itself, and each
/// report by itself would be a wake-up.
constexpr milliseconds kGatherReports{5};
/// How long an old producer may still deliver what it has.
constexpr int kRetireMs = 1000;
/// Between two replacements, so that a broken Kafka does not make us spin.
constexpr milliseconds kReplaceEvery{500};
/// Handles of topics a client keeps; far above the topics of any Kafka that is one log.
constexpr std::size_t kTopicsMax = 10'000;

/// What a record needs until its delivery report: librdkafka points to the bytes of its value.
struct Flight {
  Record record;
  Log::AppendCallback callback;
};

Result<HeadersHandle> MakeHeaders(const std::vector<RecordHeader>& headers) {
  HeadersHandle made(rd_kafka_headers_new(headers.size()));
  for (const RecordHeader& header : headers) {
    const auto code = rd_kafka_header_add(
        made.get(), header.name.data(), static_cast<ssize_t>(header.name.size()),
        header.value.data(), static_cast<ssize_t>(header.value.size()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return FromKafka(code, "adding a header");
  }
  return made;
}

std::size_t SizeOf(const Record& record) {
  std::size_t size = record.value.size() + (record.key ? record.key->size() : 0);
  for (const RecordHeader& header : record.headers)
    size += header.name.size() + header.value.size();
  return size;
}

rd_kafka_vu_t Bytes(rd_kafka_vtype_t type, const std::string& bytes) {
  rd_kafka_vu_t argument{};
  argument.vtype = type;
  argument.u.mem.ptr = const_cast<char*>(bytes.data());  // NOLINT: librdkafka only reads it
  argument.u.mem.size = bytes.size();
  return argument;
}

}  // namespace

struct Producer::Client {
  explicit Client(ClientHandle made) : handle(std::move(made)) {}

  /// A handle of `topic`, made at the first call. Valid as long as the client.
  Result<rd_kafka_topic_t*> Topic(const std::string& topic) EXCLUDES(mu) {
    MutexLock lock(mu);
    const auto found = topics.find(topic);
    if (found != topics.end()) return found->second.get();
    if (topics.size() >= kTopicsMax) {
      return Error(ErrorCode::kResourceExhausted, "too many topics are written to");
    }
    TopicHandle made(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
    if (!made) return FromKafka(rd_kafka_last_error(), "writing to " + topic);
    return topics.emplace(topic, std::move(made)).first->second.get();
  }

  ClientHandle handle;
  Mutex mu;
  std::unordered_map<std::string, TopicHandle> topics GUARDED_BY(mu);  // Gone before the client.
};

Producer::Producer(const KafkaLogOptions& options, Metrics& metrics, Reachability& reachability,
                   Worker& worker)
    : options_(options),
      worker_(worker),
      reachability_(reachability),
      replaced_(metrics.GetCounter("bitacora_kafka_producers_replaced_total",
                                   "Producers given up after a fatal error of librdkafka's.")),
      delivered_(metrics.GetCounter("bitacora_kafka_appends_total", "Appends by outcome.",
                                    {{"outcome", "durable"}})),
      refused_(metrics.GetCounter("bitacora_kafka_appends_total", "Appends by outcome.",
                                  {{"outcome", "refused"}})),
      undecided_(metrics.GetCounter("bitacora_kafka_appends_total", "Appends by outcome.",
                                    {{"outcome", "unknown"}})) {}

Result<std::unique_ptr<Producer>> Producer::Open(const KafkaLogOptions& options, Metrics& metrics,
                                                 Reachability& reachability, Worker& worker) {
  std::unique_ptr<Producer> producer(new Producer(options, metrics, reachability, worker));
  BITACORA_ASSIGN_OR_RETURN(auto client, producer->MakeClient());
  {
    MutexLock lock(producer->mu_);
    producer->current_ = client->handle.get();
    producer->client_ = std::move(client);
  }
  producer->deliverer_ = StartThread(
      "kafka-deliver", [p = producer.get()](const std::stop_token& stop) { p->Deliver(stop); });
  return producer;
}

Producer::~Producer() {
  stopped_ = true;
  deliverer_.request_stop();
  if (deliverer_.joinable()) deliverer_.join();
  for (int retiring = retiring_.load(); retiring > 0; retiring = retiring_.load()) {
    retiring_.wait(retiring);
  }
  if (auto last = client()) Retire(*last);
}

Result<std::shared_ptr<Producer::Client>> Producer::MakeClient() {
  BITACORA_ASSIGN_OR_RETURN(ConfHandle conf, MakeConf(options_, Role::kProducer));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(
      conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) noexcept {
        static_cast<Producer*>(self)->OnDelivery(*message);
      });
  rd_kafka_conf_set_error_cb(
      conf.get(), [](rd_kafka_t* client, int code, const char* reason, void* self) noexcept {
        static_cast<Producer*>(self)->OnError(client, code, reason);
      });
  BITACORA_ASSIGN_OR_RETURN(ClientHandle made, kafka::MakeClient(std::move(conf), Role::kProducer));
  return std::make_shared<Client>(std::move(made));
}

std::shared_ptr<Producer::Client> Producer::client() const {
  MutexLock lock(mu_);
  return client_;
}

void Producer::Append(const TopicPartition& at, Record record, Log::AppendCallback callback) {
  const auto refuse = [&](Error error) {
    refused_.Add();
    callback(std::move(error));
  };
  if (Status sound = Check(at, record); !sound.ok()) return refuse(sound.error());
  const std::string& topic_name = at.topic.str();
  const std::shared_ptr<Client> used = client();
  auto topic = used->Topic(topic_name);
  if (!topic.ok()) return refuse(topic.error());
  auto headers = MakeHeaders(record.headers);
  if (!headers.ok()) return refuse(headers.error());

  auto flight = std::make_unique<Flight>(Flight{std::move(record), std::move(callback)});
  std::array<rd_kafka_vu_t, 6> arguments{};
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
  arguments[0].u.rkt = *topic;
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = at.partition.value;
  arguments[2] = Bytes(RD_KAFKA_VTYPE_VALUE, flight->record.value);
  arguments[3].vtype = RD_KAFKA_VTYPE_OPAQUE;
  arguments[3].u.ptr = flight.get();
  arguments[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  arguments[4].u.headers = headers->get();
  std::size_t count = 5;
  if (flight->record.key) arguments[count++] = Bytes(RD_KAFKA_VTYPE_KEY, *flight->record.key);

  const ErrorHandle failed(rd_kafka_produceva(used->handle.get(), arguments.data(), count));
  if (!failed) {
    headers->release();  // NOLINT: both are librdkafka's now, the flight until its report
    flight.release();    // NOLINT
    return;
  }
  refused_.Add();
  flight->callback(Explain(
      FromKafka(rd_kafka_error_code(failed.get()), "appending to " + topic_name), topic_name));
}

Status Producer::Ready() const {
  if (broken_)
    return Error(ErrorCode::kUnavailable, "the Kafka producer is being replaced",
                 "log-unavailable");
  return {};
}

void Producer::Learn(const TopicDescription& topic) {
  MutexLock lock(mu_);
  if (record_bytes_max_.size() >= kTopicsMax) return;
  record_bytes_max_.insert_or_assign(topic.name.str(), topic.record_bytes_max);
}

void Producer::LearnAbsent(const TopicName& topic) {
  MutexLock lock(mu_);
  record_bytes_max_.erase(topic.str());
}

std::optional<std::size_t> Producer::RecordBytesMax(const std::string& topic) const {
  MutexLock lock(mu_);
  const auto found = record_bytes_max_.find(topic);
  if (found == record_bytes_max_.end()) return std::nullopt;
  return found->second;
}

Status Producer::Check(const TopicPartition& at, const Record& record) const {
  if (stopped_) return Error(ErrorCode::kUnavailable, "the log is being closed", "log-unavailable");
  if (at.partition.value < 0) {
    return FromKafka(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "appending to " + at.topic.str());
  }
  const std::size_t size = SizeOf(record);
  if (size <= kBatchBytes) return {};  // Every topic takes that; most records end here.
  const auto max = RecordBytesMax(at.topic.str());
  if (!max || size <= *max) return {};
  return Error(ErrorCode::kInvalidArgument,
               "a record of " + std::to_string(size) + " bytes is more than the " +
                   std::to_string(*max) + " that " + at.topic.str() + " takes",
               "record-too-large");
}

Error Producer::Explain(Error error, const std::string& topic) const {
  if (error.code() != ErrorCode::kNotFound || !RecordBytesMax(topic)) return error;
  return Error(ErrorCode::kUnavailable,
               "Kafka does not know " + topic + " just now, though it did: " + error.message(),
               "log-unavailable");
}

void Producer::Deliver(const std::stop_token& stopping) {
  while (!stopping.stop_requested()) {
    const int served = rd_kafka_poll(client()->handle.get(), kPollMs);
    ReplaceIfBroken();
    if (served > 0) std::this_thread::sleep_for(kGatherReports);
  }
}

void Producer::ReplaceIfBroken() {
  if (!broken_ || SystemClock().Now() - replaced_at_ < kReplaceEvery) return;
  replaced_at_ = SystemClock().Now();
  auto made = MakeClient();
  if (!made.ok()) {
    LogError("no new Kafka producer could be made", {{"error", made.error().ToString()}});
    return;
  }
  std::shared_ptr<Client> old;
  {
    MutexLock lock(mu_);
    current_ = (*made)->handle.get();
    old = std::exchange(client_, std::move(*made));
  }
  broken_ = false;
  replaced_.Add();
  LogWarning("the Kafka producer was replaced");
  ++retiring_;
  auto retire = [this, old = std::move(old)]() mutable {
    Retire(*old);
    // Running appends may hold it a moment longer; whoever is last destroys it.
    old.reset();
    --retiring_;
    retiring_.notify_all();
  };
  auto held = std::make_shared<decltype(retire)>(std::move(retire));
  if (!worker_.TryRun([held] { (*held)(); })) (*held)();
}

void Producer::Retire(Client& old) {
  rd_kafka_t* handle = old.handle.get();
  // A client that stops in peace gets the time its records have; one that broke, a second.
  char text[8];
  const bool fatal = rd_kafka_fatal_error(handle, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR;
  const int limit =
      fatal ? kRetireMs : static_cast<int>(options_.append_timeout.count()) + kRetireMs;
  if (rd_kafka_flush(handle, limit) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  // What was sent and has no answer becomes kTimeout, the rest was certainly never sent.
  rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(handle, kRetireMs);
}

void Producer::OnDelivery(const rd_kafka_message_t& message) {
  const std::unique_ptr<Flight> flight(static_cast<Flight*>(message._private));
  auto outcome = DeliveryOutcome(message.err, rd_kafka_message_status(&message), message.offset);
  if (outcome.ok()) {
    delivered_.Add();
    reachability_.Answered();
    flight->callback(std::move(outcome));
    return;
  }
  const Error& error = outcome.error();
  (error.code() == ErrorCode::kTimeout ? undecided_ : refused_).Add();
  flight->callback(Explain(error, rd_kafka_topic_name(message.rkt)));
}

void Producer::OnError(rd_kafka_t* from, int code, const char* reason) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512] = {};
    const auto cause = rd_kafka_fatal_error(from, text, sizeof(text));
    LogError("fatal error of the Kafka producer",
             {{"cause", rd_kafka_err2name(cause)}, {"text", text}});
    if (from == current_) broken_ = true;
  } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
             code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
    reachability_.Lost(reason);
  }
}

}  // namespace bitacora::event_store::kafka
