#include "src/kafka/reader.h"

#include <algorithm>
#include <utility>

#include "src/kafka/config.h"
#include "src/kafka/errors.h"
#include "src/kafka/offset_check.h"
#include "src/kafka/stored_record.h"

namespace bitacora::event_store::kafka {
namespace {

/// Each has a connection to every broker and a queue of its own.
constexpr int kReadersMax = 16;
/// While partitions wait for a check or a new start, Poll looks after them this often.
constexpr int kLookAfterMs = 20;
/// So long a partition just started may say nothing; its end comes after fetch.wait.max.ms.
constexpr milliseconds kSilenceMax{1000};
constexpr int kWaitMsMax = 60'000;

}  // namespace

Reader::Reader(ClientHandle client, Metrics& metrics, Reachability& reachability, Admin& admin,
               Worker& worker, std::atomic<int>& readers)
    : reachability_(reachability),
      admin_(admin),
      worker_(worker),
      readers_(readers),
      records_(metrics.GetCounter("bitacora_kafka_records_read_total",
                                  "Records that readers of Kafka returned.")),
      restarts_(
          metrics.GetCounter("bitacora_kafka_reading_restarts_total",
                             "Partitions whose reading Kafka refused, and that were tried again.")),
      client_(std::move(client)),
      queue_(rd_kafka_queue_new(client_.get())) {}

Result<std::unique_ptr<LogReader>> Reader::Open(const KafkaLogOptions& options, Metrics& metrics,
                                                Reachability& reachability, Admin& admin,
                                                Worker& worker, std::atomic<int>& readers) {
  if (readers.fetch_add(1) >= kReadersMax) {
    --readers;
    return Error(ErrorCode::kResourceExhausted,
                 "there are " + std::to_string(kReadersMax) + " readers of Kafka already");
  }
  auto client = [&]() -> Result<ClientHandle> {
    BITACORA_ASSIGN_OR_RETURN(ConfHandle conf, MakeConf(options, Role::kReader));
    return MakeClient(std::move(conf), Role::kReader);
  }();
  if (!client.ok()) {
    --readers;
    return client.error();
  }
  return std::unique_ptr<LogReader>(
      new Reader(std::move(*client), metrics, reachability, admin, worker, readers));
}

Reader::~Reader() {
  for (auto& [at, reading] : readings_) Stop(reading.get());
  --readers_;
}

Status Reader::Assign(const TopicPartition& at, Offset from, std::uint64_t tag) {
  {
    MutexLock lock(mu_);
    wishes_[at] = Wish{++generation_, true, from, tag};
    changed_.push_back(at);
  }
  rd_kafka_queue_yield(queue_.get());
  return {};
}

void Reader::Unassign(const TopicPartition& at) {
  {
    MutexLock lock(mu_);
    const auto found = wishes_.find(at);
    if (found == wishes_.end()) return;
    found->second = Wish{++generation_, false, {}, 0};
    changed_.push_back(at);
  }
  rd_kafka_queue_yield(queue_.get());
}

void Reader::Wake() {
  woken_ = true;
  rd_kafka_queue_yield(queue_.get());
}

Status Reader::Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) {
  if (max == 0) return {};
  event_owners_.clear();
  ForgetEnded();
  const std::size_t before = out->size();
  const auto room = [&] { return max - (out->size() - before); };
  while (true) {
    ApplyWishes();
    ApplyAnswers(room(), out);
    LookAfterUnsettled();
    TellKnownEnds(room(), out);
    const bool woken = woken_.exchange(false);
    const bool wait = out->size() == before && !woken;
    Drain(room(), wait ? deadline : Deadline::min(), out);
    TellKnownEnds(room(), out);
    if (out->size() > before) DropOutdated(out);
    if (out->size() > before || woken) return {};
    if (SystemClock().Now() >= deadline) return reachability_.status();
  }
}

void Reader::ForgetEnded() {
  for (const TopicPartition& at : std::exchange(ended_, {})) {
    const auto found = readings_.find(at);
    if (found != readings_.end() && found->second->state == Reading::State::kEnded) Forget(at);
  }
}

void Reader::ApplyWishes() {
  std::vector<std::pair<TopicPartition, Wish>> wishes;
  {
    MutexLock lock(mu_);
    if (changed_.empty()) return;
    for (const TopicPartition& at : std::exchange(changed_, {})) {
      const auto found = wishes_.find(at);
      if (found == wishes_.end()) continue;  // Named twice, or ended meanwhile.
      wishes.emplace_back(at, found->second);
      if (!found->second.assigned) wishes_.erase(found);
    }
  }
  for (const auto& [at, wish] : wishes) {
    const auto found = readings_.find(at);
    if (found != readings_.end() && found->second->generation == wish.generation) continue;
    if (found != readings_.end()) Forget(at);
    if (wish.assigned) Begin(at, wish);
  }
}

void Reader::Begin(const TopicPartition& at, const Wish& wish) {
  auto made = std::make_unique<Reading>();
  Reading* reading = made.get();
  reading->at = at;
  reading->generation = wish.generation;
  reading->tag = wish.tag;
  reading->next = wish.from;
  readings_[at] = std::move(made);
  ++unsettled_;
  if (at.partition.value >= 0 && wish.from.value >= 0) {
    reading->topic.reset(rd_kafka_topic_new(client_.get(), at.topic.str().c_str(), nullptr));
  }
  if (!reading->topic) {  // Nothing librdkafka could read; the check says what is wrong.
    StopAndCheck(reading);
    return;
  }
  by_message_[{reading->topic.get(), at.partition.value}] = reading;
  Start(reading);
}

void Reader::Forget(const TopicPartition& at) {
  const auto found = readings_.find(at);
  Reading* reading = found->second.get();
  Stop(reading);
  if (reading->state != Reading::State::kEnded) --unsettled_;
  by_message_.erase({reading->topic.get(), at.partition.value});
  std::erase(touched_, reading);
  readings_.erase(found);
}

void Reader::Start(Reading* reading) {
  const int failed = rd_kafka_consume_start_queue(reading->topic.get(), reading->at.partition.value,
                                                  reading->next.value, queue_.get());
  if (failed != 0) {
    reading->state = Reading::State::kWaiting;
    reading->again_at = SystemClock().Now() + kRefusedAgainAfter;
    return;
  }
  // Of a partition that does not exist librdkafka says nothing once it knows the topic.
  reading->state = Reading::State::kSilent;
  reading->again_at = SystemClock().Now() + kSilenceMax;
}

void Reader::Heard(Reading* reading) {
  reading->strikes = 0;
  if (reading->state != Reading::State::kSilent) return;
  reading->state = Reading::State::kHeard;
  --unsettled_;
}

void Reader::Stop(Reading* reading) {
  if (!reading->fetching()) return;
  // Waits for librdkafka's own thread, not for a broker; no message of before is returned after it.
  rd_kafka_consume_stop(reading->topic.get(), reading->at.partition.value);
  if (reading->state == Reading::State::kHeard) ++unsettled_;
  reading->state = Reading::State::kWaiting;
}

void Reader::StopAndCheck(Reading* reading) {
  Stop(reading);
  ++reading->strikes;
  restarts_.Add();
  reading->again_at = SystemClock().Now() + kRefusedAgainAfter;
  if (Check(reading)) reading->state = Reading::State::kStopped;
}

bool Reader::Check(Reading* reading) {
  if (reading->checking) return true;
  auto job = [&admin = admin_, answers = answers_, at = reading->at,
              generation = reading->generation, next = reading->next, strikes = reading->strikes] {
    std::optional<Error> error = WhyRefused(admin, at, next, strikes);
    MutexLock lock(answers->mu);
    answers->waiting.push_back({at, generation, std::move(error)});
  };
  reading->checking = worker_.TryRun(std::move(job));
  return reading->checking;
}

void Reader::ApplyAnswers(std::size_t room, std::vector<ReadEvent>* out) {
  if (unsettled_ == 0) return;
  MutexLock lock(answers_->mu);
  auto& waiting = answers_->waiting;
  std::size_t done = 0;
  for (; done < waiting.size(); ++done) {
    Answers::Answer& answer = waiting[done];
    const auto found = readings_.find(answer.at);
    if (found == readings_.end() || found->second->generation != answer.generation) continue;
    Reading* reading = found->second.get();
    if (answer.error && room == 0) break;
    reading->checking = false;
    if (reading->state == Reading::State::kHeard) continue;  // It came after all.
    if (answer.error) {
      --room;
      End(reading, *std::move(answer.error), out);
    } else if (reading->state == Reading::State::kStopped) {
      reading->state = Reading::State::kWaiting;
      reading->again_at = SystemClock().Now();
      if (reading->strikes > 1) reading->again_at += kRefusedAgainAfter;
    }
  }
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(done));
}

void Reader::LookAfterUnsettled() {
  if (unsettled_ == 0) return;
  const Deadline now = SystemClock().Now();
  for (auto& [at, reading] : readings_) {
    if (reading->again_at > now) continue;
    if (reading->state == Reading::State::kWaiting && reading->topic) {
      Start(reading.get());
    } else if (reading->state == Reading::State::kWaiting) {
      StopAndCheck(reading.get());
    } else if (reading->state == Reading::State::kSilent) {
      // It may just be slow, so it goes on meanwhile; and with Kafka away there is nobody to ask.
      ++reading->strikes;
      reading->again_at = now + kSilenceMax;
      if (reachability_.answers()) Check(reading.get());
    }
  }
}

void Reader::Drain(std::size_t room, Deadline deadline, std::vector<ReadEvent>* out) {
  const std::size_t before = out->size();
  while (out->size() < before + room) {
    const int wait_ms = out->size() == before ? WaitMs(deadline) : 0;
    const MessageHandle message(rd_kafka_consume_queue(queue_.get(), wait_ms));
    if (!message) return;
    Take(*message, out);
  }
}

int Reader::WaitMs(Deadline deadline) const {
  if (deadline == Deadline::min()) return 0;
  const auto left = std::chrono::ceil<milliseconds>(deadline - SystemClock().Now()).count();
  return static_cast<int>(
      std::clamp<std::int64_t>(left, 0, unsettled_ > 0 ? kLookAfterMs : kWaitMsMax));
}

void Reader::Take(const rd_kafka_message_t& message, std::vector<ReadEvent>* out) {
  const auto found = by_message_.find({message.rkt, message.partition});
  if (found == by_message_.end()) return;  // News of the client as a whole; Reachability has them.
  Reading* reading = found->second;
  if (!reading->fetching()) return;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    Heard(reading);
    TellEnd(reading, Offset(message.offset), out);
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Refused(reading, message.err, out);
    return;
  }
  if (message.offset < reading->next.value) return;
  ReadEvent event;
  event.kind = ReadEvent::Kind::kRecord;
  event.record = CopyRecord(message);
  reading->next = event.record.offset.Next();
  Heard(reading);
  records_.Add();
  if (!std::exchange(reading->touched, true)) touched_.push_back(reading);
  Add(reading, std::move(event), out);
}

void Reader::Refused(Reading* reading, rd_kafka_resp_err_t code, std::vector<ReadEvent>* out) {
  if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || IsUnknownTopic(code)) {
    StopAndCheck(reading);
    return;
  }
  Error error = FromKafka(code, "reading " + reading->at.topic.str() + "/" +
                                    std::to_string(reading->at.partition.value) + " from offset " +
                                    std::to_string(reading->next.value));
  // Bytes may have been damaged on the way: read them once more.
  const bool damaged = error.code() == ErrorCode::kCorruption;
  if (!error.retryable() && !(damaged && reading->strikes == 0)) {
    End(reading, std::move(error), out);
    return;
  }
  Stop(reading);
  ++reading->strikes;
  restarts_.Add();
  reading->again_at = SystemClock().Now() + kRefusedAgainAfter;
}

void Reader::End(Reading* reading, Error error, std::vector<ReadEvent>* out) {
  Stop(reading);
  reading->state = Reading::State::kEnded;
  --unsettled_;
  ended_.push_back(reading->at);
  {
    MutexLock lock(mu_);
    const auto found = wishes_.find(reading->at);
    if (found != wishes_.end() && found->second.generation == reading->generation) {
      wishes_.erase(found);
    }
  }
  ReadEvent event;
  event.kind = ReadEvent::Kind::kError;
  event.error = std::move(error);
  Add(reading, std::move(event), out);
}

void Reader::TellEnd(Reading* reading, Offset end, std::vector<ReadEvent>* out) {
  if (end < reading->next || end == reading->told_end) return;
  reading->next = end;  // Behind holes at the end: control records, aborted transactions.
  reading->told_end = end;
  ReadEvent event;
  event.kind = ReadEvent::Kind::kEnd;
  event.end = end;
  Add(reading, std::move(event), out);
}

// librdkafka tells the end only when a fetch came back empty: after fetch.wait.max.ms, and under a
// steady stream of records never. But where the next offset is the high watermark that came with
// the last fetch, there was nothing more. (The other way round proves nothing: offsets have holes.)
void Reader::TellKnownEnds(std::size_t room, std::vector<ReadEvent>* out) {
  for (; room > 0 && !touched_.empty(); touched_.pop_back()) {
    Reading* reading = touched_.back();
    reading->touched = false;
    if (!reading->fetching()) continue;
    std::int64_t low = RD_KAFKA_OFFSET_INVALID;
    std::int64_t high = RD_KAFKA_OFFSET_INVALID;
    (void)rd_kafka_get_watermark_offsets(client_.get(), reading->at.topic.str().c_str(),
                                         reading->at.partition.value, &low, &high);
    if (high != reading->next.value || reading->next == reading->told_end) continue;
    TellEnd(reading, reading->next, out);
    --room;
  }
}

void Reader::Add(Reading* reading, ReadEvent event, std::vector<ReadEvent>* out) {
  event.tag = reading->tag;
  event_owners_.push_back(reading);
  out->push_back(std::move(event));
}

void Reader::DropOutdated(std::vector<ReadEvent>* out) {
  MutexLock lock(mu_);
  if (changed_.empty()) return;
  const std::size_t first = out->size() - event_owners_.size();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < event_owners_.size(); ++i) {
    const Reading& owner = *event_owners_[i];
    const auto found = wishes_.find(owner.at);
    if (found != wishes_.end() && found->second.generation != owner.generation) continue;
    if (kept != i) (*out)[first + kept] = std::move((*out)[first + i]);
    ++kept;
  }
  out->resize(first + kept);
  event_owners_.clear();
}

}  // namespace bitacora::event_store::kafka
