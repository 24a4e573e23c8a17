#include "src/store/reads.h"

#include <algorithm>
#include <utility>

#include <bitacora/domain/event_codec.h>

namespace bitacora::event_store {
namespace {

/// The record of one append: from the copy, or from the log itself.
Result<StoredRecord> RecordAt(const StateDb& state, Log& log, const HostedPartition& partition,
                              const AppendPlace& place) {
  if (state.copies_records()) return state.CopiedRecord(partition.key, place);
  const Offset offset = place.offset;
  BITACORA_ASSIGN_OR_RETURN(Log::Fetched fetched, log.Fetch(partition.at, offset, {1, 1}));
  if (fetched.records.empty() || fetched.records[0].offset != offset) {
    return Error(ErrorCode::kCorruption,
                 "the log has no record at offset " + std::to_string(offset.value), "log-damaged");
  }
  return std::move(fetched.records[0]);
}

/// Collects a page of a stream, append by append.
class StreamPager {
 public:
  StreamPager(const StateDb& state, Log& log, const HostedPartition& partition,
              const StreamQuery& query, StreamPage* page)
      : state_(state), log_(log), partition_(partition), query_(query), page_(page) {}

  bool backwards() const { return query_.direction == StreamQuery::Direction::kBackwards; }

  /// Adds what the page takes of one append; false once it is full.
  Result<bool> Add(const StateDb::StreamAppend& append) {
    BITACORA_ASSIGN_OR_RETURN(const StoredRecord record,
                              RecordAt(state_, log_, partition_, append.place));
    bytes_ += record.value.size();
    if (!page_->events.empty() && bytes_ > query_.bytes_max) {
      page_->next = backwards() ? append.last_version() : append.first_version;
      return false;
    }
    std::vector<Event> events = DecodeEvents(record, append.place.count);
    const auto count = static_cast<std::int32_t>(events.size());
    for (std::int32_t step = 0; step < count; ++step) {
      const std::int32_t index = backwards() ? count - 1 - step : step;
      const Version version(append.first_version.value + index);
      if (query_.from && (backwards() ? version > *query_.from : version < *query_.from)) continue;
      if (page_->events.size() == static_cast<std::size_t>(query_.limit)) {
        page_->next = version;
        return false;
      }
      page_->events.push_back({std::move(events[static_cast<std::size_t>(index)]), query_.stream,
                               version, partition_.at.partition, append.place.offset, index});
    }
    return true;
  }

 private:
  const StateDb& state_;
  Log& log_;
  const HostedPartition& partition_;
  const StreamQuery& query_;
  StreamPage* const page_;
  std::size_t bytes_ = 0;
};

}  // namespace

Error StreamUnknown() {
  return {ErrorCode::kNotFound, "the topic has no stream of this name", "stream-unknown"};
}

Result<StreamPage> ReadStreamPage(const StateDb& state, Log& log, const HostedPartition& partition,
                                  const StreamQuery& query) {
  StreamPage page;
  StreamPager pager(state, log, partition, query, &page);
  Status failed;
  BITACORA_ASSIGN_OR_RETURN(
      const std::optional<Version> head,
      state.ScanStream(partition.key, query.stream.str(), {query.from, pager.backwards()},
                       [&](const StateDb::StreamAppend& append) {
                         const Result<bool> more = pager.Add(append);
                         failed = more.status();
                         return more.ok() && *more;
                       }));
  BITACORA_RETURN_IF_ERROR(failed);
  if (!head) return StreamUnknown();
  page.head = *head;
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
  std::vector<StoredRecord> records;
  Offset behind = progress.applied;  // The page ends before it.
  bool more = false;
  if (!state.copies_records()) {
    BITACORA_ASSIGN_OR_RETURN(Log::Fetched fetched, log.Fetch(partition.at, page.next, limits));
    records = std::move(fetched.records);
    more = fetched.next < progress.applied;
    behind = std::min(behind, fetched.next);
  }
  std::size_t bytes = 0;
  auto record = records.begin();
  Status failed;
  BITACORA_RETURN_IF_ERROR(
      state.ScanAdmitted(partition.key, page.next, [&](StateDb::Admitted admitted) {
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
          while (record != records.end() && record->offset < admitted.offset) ++record;
          if (record == records.end() || record->offset != admitted.offset) {
            failed =
                Error(ErrorCode::kCorruption,
                      "the log has no record at offset " + std::to_string(admitted.offset.value),
                      "log-damaged");
            return false;
          }
          taken.record = std::move(*record);
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
