#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <utility>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/consumers/topic_reader.h>
#include <bitacora/domain/event_codec.h>

namespace bitacora::consumers {
namespace {

using event_store::EventStore;
using event_store::PartitionPage;
using event_store::Topic;
using event_store::TopicKind;
using event_store::TopicRecord;

/// Records read at once: first a partition's share of the page, then as little as it takes where
/// others had less, and more and more where a filter passes most of them over.
constexpr std::size_t kSecondChunk = 32;
constexpr std::size_t kChunkMax = 1000;

/// Pages of fewer events are read sooner than another thread wakes up.
constexpr int kWorthOffering = 500;

/// Reads one partition forwards, event by event, a chunk of records at a time.
class PartitionCursor {
 public:
  PartitionCursor(EventStore& store, const Topic& topic, Partition partition,
                  PartitionPosition from, std::size_t chunk)
      : store_(store), topic_(topic), at_{topic.name, partition}, next_(from), chunk_(chunk) {}

  /// Makes sure there is an event at hand, or nothing more. False: nothing more.
  Result<bool> Load() {
    while (event_ >= events_.size()) {
      if (record_ < page_.records.size()) {
        Decode(page_.records[record_++]);
        continue;
      }
      if (loaded_ && page_.at_end) {
        // Also where the query began behind the last event of the last record.
        next_ = std::max(next_, PartitionPosition{page_.next, 0});
        return false;
      }
      BITACORA_ASSIGN_OR_RETURN(page_, store_.ReadPartition(at_, Behind(), {chunk_, 1u << 20}));
      chunk_ = loaded_ ? std::min(2 * chunk_, kChunkMax) : kSecondChunk;
      record_ = 0;
      loaded_ = true;
      if (page_.records.empty()) next_ = std::max(next_, PartitionPosition{page_.next, 0});
    }
    return true;
  }

  // Only after Load said true:
  const StoredEvent& Peek() const { return events_[event_]; }
  std::int64_t time_ms() const { return record().record.timestamp_ms; }

  RecordedEvent Take() {
    const Offset offset = record().record.offset;
    const auto index = static_cast<std::int32_t>(event_);
    RecordedEvent taken{std::move(events_[event_++]), {}, at_.partition, offset, index};
    if (const auto first = record().first_version) taken.version = Version(first->value + index);
    // Behind the last event of the last record of a page, go on where the page ended: behind holes.
    if (event_ < events_.size()) {
      next_ = {offset, index + 1};
    } else if (record_ == page_.records.size()) {
      next_ = {std::max(page_.next, offset.Next()), 0};
    } else {
      next_ = {offset.Next(), 0};
    }
    return taken;
  }

  Partition partition() const { return at_.partition; }
  PartitionPosition next() const { return next_; }

 private:
  Offset Behind() const { return loaded_ ? page_.next : next_.offset; }

  /// The one whose events are at hand.
  const TopicRecord& record() const { return page_.records[record_ - 1]; }

  void Decode(const TopicRecord& record) {
    const StoredRecord& stored = record.record;
    if (topic_.kind == TopicKind::kOwned) {
      events_ = DecodeEvents(stored, record.count);
    } else {
      events_.assign(1, DecodeForeign(stored, topic_.name, at_.partition));
    }
    // A page may have ended inside this append.
    event_ = stored.offset == next_.offset ? static_cast<std::size_t>(next_.index) : 0;
  }

  EventStore& store_;
  const Topic& topic_;
  const TopicPartition at_;
  PartitionPosition next_;
  std::size_t chunk_;
  PartitionPage page_;
  bool loaded_ = false;
  std::size_t record_ = 0;           ///< The next of the page to decode.
  std::vector<StoredEvent> events_;  ///< Of the record before that.
  std::size_t event_ = 0;
};

bool Matches(const std::vector<std::string>& allowed, std::string_view value) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

/// Of a few events among many the bytes of the others need not live as long: see Alone.
bool IsFiltered(const TopicQuery& query) { return !query.types.empty() || !query.streams.empty(); }

bool IsWanted(const TopicQuery& query, const PartitionCursor& next) {
  return Matches(query.types, next.Peek().type) && Matches(query.streams, next.Peek().stream);
}

/// Refuses positions of another log or beyond the end.
Status CheckPosition(EventStore& store, const Topic& topic, const Position& from) {
  if (from.next.empty()) return {};
  if (from.log_tag != TagOfLog(topic.log_id)) {
    return Error(ErrorCode::kInvalidArgument,
                 "the position is of another topic, or of this one before it was made anew",
                 "position-from-another-log");
  }
  BITACORA_ASSIGN_OR_RETURN(const Position latest, store.LatestPosition(topic.name));
  for (const auto& [partition, place] : from.next) {
    const auto end = latest.next.find(partition);
    if (end == latest.next.end() || place.offset > end->second.offset) {
      return Error(ErrorCode::kUnavailable,
                   "the position is beyond the end of partition " + std::to_string(partition.value),
                   "position-ahead");
    }
  }
  return {};
}

/// A cursor for each partition, from where the query starts in it.
Result<std::vector<PartitionCursor>> MakeCursors(EventStore& store, const Topic& topic,
                                                 const TopicQuery& query) {
  BITACORA_ASSIGN_OR_RETURN(const Position earliest, store.EarliestPosition(topic.name));
  const auto partitions = static_cast<std::size_t>(topic.partitions);
  const std::size_t chunk = static_cast<std::size_t>(query.limit) / partitions + 16;
  std::vector<PartitionCursor> cursors;
  cursors.reserve(partitions);
  for (const auto& [partition, start] : earliest.next) {
    const auto named = query.from.next.find(partition);
    const PartitionPosition from = named == query.from.next.end() ? start : named->second;
    if (from.offset < start.offset) {
      return Error(ErrorCode::kCorruption,
                   "the position is below the earliest record of partition " +
                       std::to_string(partition.value),
                   "position-gone");
    }
    cursors.emplace_back(store, topic, partition, from, chunk);
  }
  return cursors;
}

/// Loads each cursor once, on any number of threads: each takes one after the other. Outlives the
/// cursors where a thread comes late; then there is none left to take.
class FirstLoads {
 public:
  explicit FirstLoads(std::vector<PartitionCursor>* cursors)
      : cursors_(*cursors),
        size_(cursors->size()),
        outcomes_(size_, Error(ErrorCode::kInternal, "a partition was not read")) {}

  /// Takes what nobody has taken.
  void Run() noexcept {
    for (std::size_t at = next_++; at < size_; at = next_++) {
      Load(at);
      ++done_;
      done_.notify_all();
    }
  }

  /// Waits for what others have taken.
  Status Wait() {
    for (std::size_t done = done_; done < size_; done = done_) done_.wait(done);
    for (const Status& outcome : outcomes_) BITACORA_RETURN_IF_ERROR(outcome);
    return {};
  }

 private:
  void Load(std::size_t at) noexcept {
    try {
      outcomes_[at] = cursors_[at].Load().status();
    } catch (const std::exception& error) {  // Memory ran out; somebody waits for the rest.
      LogError("a partition was not read", {{"error", error.what()}});
    }
  }

  std::vector<PartitionCursor>& cursors_;
  const std::size_t size_;
  std::vector<Status> outcomes_;  // Each its taker's until it is done.
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> done_{0};
};

Status LoadTogether(std::vector<PartitionCursor>* cursors, const Offer& offer) {
  const auto loads = std::make_shared<FirstLoads>(cursors);
  offer([loads] { loads->Run(); });
  loads->Run();
  return loads->Wait();
}

/// The cursor with the oldest event, loaded; null: none has any more.
Result<PartitionCursor*> OldestOf(std::vector<PartitionCursor>& cursors) {
  PartitionCursor* oldest = nullptr;
  for (PartitionCursor& cursor : cursors) {
    BITACORA_ASSIGN_OR_RETURN(const bool more, cursor.Load());
    if (more && (oldest == nullptr || cursor.time_ms() < oldest->time_ms())) oldest = &cursor;
  }
  return oldest;
}

}  // namespace

Result<TopicPage> ReadTopic(EventStore& store, const TopicQuery& query, const Offer& offer) {
  BITACORA_ASSIGN_OR_RETURN(const Topic topic, store.GetTopic(query.topic));
  BITACORA_RETURN_IF_ERROR(CheckPosition(store, topic, query.from));
  BITACORA_ASSIGN_OR_RETURN(std::vector<PartitionCursor> cursors, MakeCursors(store, topic, query));
  if (offer != nullptr && cursors.size() > 1 && query.limit >= kWorthOffering) {
    BITACORA_RETURN_IF_ERROR(LoadTogether(&cursors, offer));
  }
  TopicPage page;
  page.next.log_tag = TagOfLog(topic.log_id);
  page.events.reserve(static_cast<std::size_t>(std::min(query.limit, 256)));
  std::size_t bytes = 0;
  int scanned = 0;
  while (true) {
    BITACORA_ASSIGN_OR_RETURN(PartitionCursor* const oldest, OldestOf(cursors));
    page.at_end = oldest == nullptr;
    const bool full = page.events.size() >= static_cast<std::size_t>(query.limit);
    if (full && !page.at_end && Mutated(Promise::kP9)) oldest->Take();
    if (page.at_end || full || ++scanned > query.scan_max) break;
    const StoredEvent& event = oldest->Peek();
    const bool wanted = IsWanted(query, *oldest);
    if (wanted && !page.events.empty() && bytes + event.data.size() > query.bytes_max) break;
    RecordedEvent taken = oldest->Take();
    if (!wanted) continue;
    bytes += taken.event.data.size();
    if (IsFiltered(query)) taken.event = Alone(taken.event);
    page.events.push_back(std::move(taken));
  }
  for (const PartitionCursor& cursor : cursors) page.next.next[cursor.partition()] = cursor.next();
  return page;
}

}  // namespace bitacora::consumers
