#include "src/store/reads.h"

#include <algorithm>
#include <span>
#include <utility>

#include <bitacora/domain/event_codec.h>

namespace bitacora::event_store {
namespace {

/// Look-ups at once: of records whose size is not known yet, and at most.
constexpr std::size_t kFirstLookUps = 16;
constexpr std::size_t kLookUpsMax = 128;
/// Of a page; there is room for so many at once.
constexpr std::size_t kRecordsExpected = 256;

StateDb::FromLog FromLogOf(Log& log, const TopicPartition& at) {
  return [&log, &at](std::span<const Offset> offsets) { return log.FetchEach(at, offsets); };
}

/// Collects a page of a stream: first where its appends are, then their records, many at a time.
class StreamPager {
 public:
  StreamPager(const StateDb& state, Log& log, const HostedPartition& partition,
              const StreamQuery& query, StreamPage* page)
      : state_(state), log_(log), partition_(partition), query_(query), page_(page) {}

  bool backwards() const { return query_.direction == StreamQuery::Direction::kBackwards; }

  /// Takes note of the next append; false once there are more than the page takes.
  bool Add(const StreamAppend& append) {
    appends_.push_back(append);
    const std::int64_t first = append.first_version.value;
    const std::int64_t last = append.last_version().value;
    const std::int64_t from = query_.from ? query_.from->value : backwards() ? last : first;
    found_ += backwards() ? std::min(last, from) - first + 1 : last - std::max(first, from) + 1;
    return found_ <= query_.limit;
  }

  /// Reads them into the page.
  Status Read() {
    for (std::size_t next = 0; next < appends_.size();) {
      const std::size_t count = std::min(appends_.size() - next, LookUps());
      const std::span<const StreamAppend> some(appends_.data() + next, count);
      BITACORA_ASSIGN_OR_RETURN(const std::vector<StoredRecord> records, RecordsOf(some));
      for (std::size_t i = 0; i < count; ++i) {
        if (!Take(some[i], records[backwards() ? count - 1 - i : i])) return {};
      }
      next += count;
    }
    return {};
  }

 private:
  /// As many records as the page may take, going by those it has.
  std::size_t LookUps() const {
    if (taken_ == 0) return kFirstLookUps;
    const std::size_t left = query_.bytes_max - std::min(bytes_, query_.bytes_max);
    return std::clamp<std::size_t>(left / (bytes_ / taken_ + 1), 1, kLookUpsMax);
  }

  /// In the order of offsets: from the copies, or from the log itself.
  Result<std::vector<StoredRecord>> RecordsOf(std::span<const StreamAppend> appends) {
    std::vector<AppendPlace> places;
    places.reserve(appends.size());
    for (const StreamAppend& append : appends) places.push_back(append.place);
    if (backwards()) std::reverse(places.begin(), places.end());
    if (state_.copies_records()) {
      return state_.CopiedRecords(partition_.key, places, FromLogOf(log_, partition_.at));
    }
    std::vector<Offset> offsets;
    offsets.reserve(places.size());
    for (const AppendPlace& place : places) offsets.push_back(place.offset);
    return log_.FetchEach(partition_.at, offsets);
  }

  /// Adds what the page takes of one append; false once it is full.
  bool Take(const StreamAppend& append, const StoredRecord& record) {
    bytes_ += record.value.size();
    ++taken_;
    if (!page_->events.empty() && bytes_ > query_.bytes_max) {
      page_->next = backwards() ? append.last_version() : append.first_version;
      return false;
    }
    std::vector<StoredEvent> events = DecodeEvents(record, append.place.count);
    const auto count = static_cast<std::int32_t>(events.size());
    for (std::int32_t step = 0; step < count; ++step) {
      const std::int32_t index = backwards() ? count - 1 - step : step;
      const Version version(append.first_version.value + index);
      if (query_.from && (backwards() ? version > *query_.from : version < *query_.from)) continue;
      if (page_->events.size() == static_cast<std::size_t>(query_.limit)) {
        page_->next = version;
        return false;
      }
      page_->events.push_back({std::move(events[static_cast<std::size_t>(index)]), version,
                               partition_.at.partition, append.place.offset, index});
    }
    return true;
  }

  const StateDb& state_;
  Log& log_;
  const HostedPartition& partition_;
  const StreamQuery& query_;
  StreamPage* const page_;
  std::vector<StreamAppend> appends_;
  std::int64_t found_ = 0;  ///< Events of the page in them.
  std::size_t taken_ = 0;
  std::size_t bytes_ = 0;
};

/// Records of the log in the order of their offsets, taken in that order.
class TakenInOrder {
 public:
  explicit TakenInOrder(std::vector<StoredRecord> records) : records_(std::move(records)) {}

  Result<StoredRecord> Take(Offset offset) {
    while (next_ < records_.size() && records_[next_].offset < offset) ++next_;
    if (next_ < records_.size() && records_[next_].offset == offset) {
      return std::move(records_[next_]);
    }
    return Error(ErrorCode::kCorruption,
                 "the log has no record at offset " + std::to_string(offset.value), "log-damaged");
  }

 private:
  std::vector<StoredRecord> records_;
  std::size_t next_ = 0;
};

}  // namespace

Error StreamUnknown() {
  return {ErrorCode::kNotFound, "the topic has no stream of this name", "stream-unknown"};
}

Result<StreamPage> ReadStreamPage(const StateDb& state, Log& log, const HostedPartition& partition,
                                  const StreamQuery& query) {
  StreamPage page;
  StreamPager pager(state, log, partition, query, &page);
  BITACORA_ASSIGN_OR_RETURN(
      const std::optional<Version> head,
      state.ScanStream(partition.key, query.stream.str(), {query.from, pager.backwards()},
                       [&](const StreamAppend& append) { return pager.Add(append); }));
  if (!head) return StreamUnknown();
  page.head = *head;
  BITACORA_RETURN_IF_ERROR(pager.Read());
  return page;
}

Result<PartitionPage> ReadOwned(const StateDb& state, Log& log, const HostedPartition& partition,
                                Offset from, const Log::FetchLimits& limits) {
  const PartitionProgress progress = partition.Progress();
  PartitionPage page;
  page.next = std::max(from, progress.earliest);
  if (page.next >= progress.applied) {
    page.at_end = true;
    return page;
  }

  // The log's records of the page, where the state has no copies; both in order of offsets.
  TakenInOrder records({});
  Offset behind = progress.applied;  // The page ends before it.
  bool more = false;
  if (!state.copies_records()) {
    BITACORA_ASSIGN_OR_RETURN(Log::Fetched fetched, log.Fetch(partition.at, page.next, limits));
    records = TakenInOrder(std::move(fetched.records));
    more = fetched.next < progress.applied;
    behind = std::min(behind, fetched.next);
  }
  page.records.reserve(std::min(limits.records_max, kRecordsExpected));
  std::size_t bytes = 0;
  Status failed;
  BITACORA_RETURN_IF_ERROR(state.ScanAdmitted(
      partition.key, page.next, FromLogOf(log, partition.at), [&](StateDb::Admitted admitted) {
        if (admitted.offset >= behind) return false;
        if (page.records.size() >= limits.records_max || bytes >= limits.bytes_max) {
          behind = admitted.offset;
          more = true;
          return false;
        }
        TopicRecord taken;
        taken.partition = partition.at.partition;
        taken.first_version = admitted.first_version;
        taken.count = admitted.count;
        if (admitted.record) {
          taken.record = std::move(*admitted.record);
        } else {
          auto record = records.Take(admitted.offset);
          failed = record.status();
          if (!record.ok()) return false;
          taken.record = *std::move(record);
        }
        bytes += taken.record.value.size();
        page.records.push_back(std::move(taken));
        return true;
      }));
  BITACORA_RETURN_IF_ERROR(failed);
  page.next = behind;
  page.at_end = !more;
  return page;
}

Result<PartitionPage> ReadAdopted(Log& log, const TopicPartition& at, Offset from,
                                  const Log::FetchLimits& limits) {
  BITACORA_ASSIGN_OR_RETURN(Log::Fetched fetched, log.Fetch(at, from, limits));
  PartitionPage page;
  page.next = fetched.next;
  page.at_end = fetched.at_end;
  page.records.reserve(fetched.records.size());
  for (StoredRecord& record : fetched.records) {
    page.records.push_back({at.partition, std::move(record), std::nullopt, 1});
  }
  return page;
}

}  // namespace bitacora::event_store
