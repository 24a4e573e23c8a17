#include "src/embedded/recovery.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>

namespace bitacora::event_store::embedded {
namespace {

/// More than a first segment without topics has.
constexpr std::uint64_t kBeginningBytesMax = 4096;

Error Damaged(const std::string& what) {
  return Error(ErrorCode::kCorruption, what, "log-damaged");
}

/// What was not found in a directory whose other files need it.
Error AsDamage(const Error& error) {
  return error.code() == ErrorCode::kNotFound ? Damaged(error.message()) : error;
}

Error InFile(const Error& error, const std::string& path) {
  return Error(error.code(), path + ": " + error.message(), error.reason());
}

/// The numbers of the segments in `directory`, which must have no gaps.
Result<std::uint64_t> CountSegments(const Disk& disk, const std::string& directory) {
  BITACORA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory));
  std::vector<SegmentNumber> numbers;
  for (const std::string& name : names) {
    if (const auto number = NumberOfSegment(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const SegmentNumber expected(i + 1);
    if (numbers[i] != expected) return Damaged(SegmentPath(directory, expected) + " is missing");
  }
  return numbers.size();
}

/// One frame of a segment that is scanned.
Status Take(const SegmentScanner::Found& found, ScannedSegment* scanned) {
  BITACORA_ASSIGN_OR_RETURN(Payload payload, ReadPayload(found.frame.payload));
  if (auto* header = std::get_if<SegmentHeader>(&payload)) {
    if (found.at != kSegmentHeadBytes) return Damaged("a second header");
    scanned->contents.log_id = std::move(header->log_id);
    scanned->segment.number = header->number;
    scanned->segment.before = {header->bytes_before, header->check_before};
    return {};
  }
  if (const auto* topic = std::get_if<TopicRow>(&payload)) {
    return Apply(*topic, &scanned->contents);
  }
  if (const auto* head = std::get_if<HeadRow>(&payload)) return Apply(*head, &scanned->contents);
  const auto& record = std::get<RecordRow>(payload);
  BITACORA_RETURN_IF_ERROR(Apply(record, &scanned->contents));
  AddPlace(record.at, record.offset, PlaceOf(found.at), &scanned->runs);
  return {};
}

/// How many frames a segment begins with; of its first one.
Result<std::uint64_t> FramesAtStart(const Frame& first) {
  BITACORA_ASSIGN_OR_RETURN(const Payload payload, ReadPayload(first.payload));
  const auto* const header = std::get_if<SegmentHeader>(&payload);
  if (header == nullptr) return Damaged("it does not begin with a header");
  return header->frames;
}

}  // namespace

Result<ScannedSegment> ScanSegment(SegmentScanner* scanner) {
  ScannedSegment scanned;
  scanned.segment.salt = scanner->salt();
  std::uint64_t frames_at_start = 0;
  for (std::uint64_t frames = 1;; ++frames) {
    BITACORA_ASSIGN_OR_RETURN(const auto found, scanner->Next());
    if (!found) break;
    if (frames == 1) {
      BITACORA_ASSIGN_OR_RETURN(frames_at_start, FramesAtStart(found->frame));
    }
    BITACORA_RETURN_IF_ERROR(Take(*found, &scanned));
    scanned.begun = scanned.begun || frames == frames_at_start;
  }
  scanned.segment.end = scanner->end();
  return scanned;
}

namespace {

/// FindLog, step by step.
class Finder {
 public:
  Finder(const Disk& disk, const std::string& directory, const Testimony* witness)
      : disk_(disk), directory_(directory), witness_(witness) {}

  Result<FoundLog> Find() {
    BITACORA_ASSIGN_OR_RETURN(const SegmentNumber last, FindLast());
    if (last.value == 0) return std::move(found_);
    BITACORA_RETURN_IF_ERROR(FindSealed(last));
    BITACORA_RETURN_IF_ERROR(CheckRuns());
    if (witness_ != nullptr && !Mutated(Promise::kP11)) BITACORA_RETURN_IF_ERROR(CheckWitness());
    return std::move(found_);
  }

 private:
  /// The one the witness knows last; without a witness the first, if it is whole. 0: none.
  Result<SegmentNumber> FindLast() {
    BITACORA_ASSIGN_OR_RETURN(const std::uint64_t count, CountSegments(disk_, directory_));
    SegmentNumber last(count);
    if (witness_ != nullptr) {
      last = witness_->segment;
      if (last.value == 0) return Damaged("the witness names no segment");
      if (count < last.value) return Damaged(SegmentPath(directory_, last) + " is missing");
      if (count > last.value + 1) {
        return Damaged("the witness is older than " + SegmentPath(directory_, last.Next()));
      }
    } else if (count > 1) {
      return Damaged("the witness is missing");
    }
    if (last.value == 0) return last;
    BITACORA_ASSIGN_OR_RETURN(auto scanned, Scan(last, UINT64_MAX));
    if (scanned && scanned->begun) {
      TakeLast(std::move(*scanned));
      return last;
    }
    if (witness_ == nullptr) {
      // Only what the making of a log leaves may be made again.
      BITACORA_ASSIGN_OR_RETURN(const std::uint64_t size,
                                disk_.SizeOf(SegmentPath(directory_, last)));
      if (size <= kBeginningBytesMax) return SegmentNumber();
    }
    return Damaged(SegmentPath(directory_, last) + " is damaged at its start");
  }

  /// Nothing: it has not even a head.
  Result<std::optional<ScannedSegment>> Scan(SegmentNumber number, std::uint64_t limit) {
    const std::string path = SegmentPath(directory_, number);
    auto scanner = SegmentScanner::Open(disk_, path, limit);
    if (!scanner.ok()) return AsDamage(scanner.error());
    if (!*scanner) return std::optional<ScannedSegment>();
    auto scanned = ScanSegment(&**scanner);
    if (!scanned.ok()) return InFile(scanned.error(), path);
    if (scanned->begun && scanned->segment.number != number) {
      return Damaged(path + " is another segment");
    }
    if (limit == UINT64_MAX && !Mutated(Promise::kP11)) {
      BITACORA_ASSIGN_OR_RETURN(const bool damaged, (*scanner)->HasLaterGroup());
      if (damaged) {
        return Damaged(path + " is damaged at " + std::to_string((*scanner)->end().bytes));
      }
    }
    return std::optional(std::move(*scanned));
  }

  void TakeLast(ScannedSegment last) {
    found_.contents = std::move(last.contents);
    PlaceRuns(last.runs, &last.segment);
    found_.segments.push_back({std::move(last.segment), std::move(last.runs)});
  }

  /// Those before the last one, from the newest to the oldest: each says where the one before it
  /// ends.
  Status FindSealed(SegmentNumber last) {
    for (std::uint64_t number = last.value - 1; number > 0; --number) {
      const SealedSegment& next = found_.segments.back().segment;
      BITACORA_ASSIGN_OR_RETURN(FoundSegment segment, FindSealed(SegmentNumber(number), next));
      found_.segments.push_back(std::move(segment));
    }
    std::reverse(found_.segments.begin(), found_.segments.end());
    return {};
  }

  Result<FoundSegment> FindSealed(SegmentNumber number, const SealedSegment& next) {
    const std::string path = SegmentPath(directory_, number);
    const auto size = disk_.SizeOf(path);
    if (!size.ok()) return AsDamage(size.error());
    if (*size < next.before.bytes) {
      return Damaged(path + " is shorter than it was: " + std::to_string(*size) + " of " +
                     std::to_string(next.before.bytes) + " bytes");
    }
    auto index = ReadIndex(disk_, directory_, number);
    if (index.ok() && index->end == next.before) {
      return FoundSegment{std::move(*index), std::nullopt};
    }
    LogWarning("an index is made anew", {{"path", IndexPath(directory_, number)}});
    BITACORA_ASSIGN_OR_RETURN(auto scanned, Scan(number, next.before.bytes));
    if (!scanned || !scanned->begun || scanned->segment.end != next.before) {
      return Damaged(path + " is damaged" +
                     (scanned ? " at " + std::to_string(scanned->segment.end.bytes) : ""));
    }
    PlaceRuns(scanned->runs, &scanned->segment);
    return FoundSegment{std::move(scanned->segment), std::move(scanned->runs)};
  }

  /// That the runs of each partition follow each other up to its head.
  Status CheckRuns() {
    std::map<PartitionId, Offset> ends;
    for (const FoundSegment& found : found_.segments) {
      for (const StoredRun& run : found.segment.runs) {
        Offset& end = ends[run.at];
        if (run.first != end) {
          return Damaged(SegmentPath(directory_, found.segment.number) + ": records before " +
                         NameOf(run.at, run.first) + " are missing");
        }
        end = run.end();
      }
    }
    for (const TopicContents& topic : found_.contents.topics) {
      for (std::int32_t i = 0; i < topic.row.partitions; ++i) {
        const PartitionId at{topic.row.number, Partition(i)};
        const Offset end = topic.heads[static_cast<std::size_t>(i)].end;
        if (ends[at] != end) return Damaged("records before " + NameOf(at, end) + " are missing");
      }
    }
    return {};
  }

  Status CheckWitness() {
    const Contents& contents = found_.contents;
    const SealedSegment& segment = found_.segments.back().segment;
    const std::string path = SegmentPath(directory_, segment.number);
    if (segment.end.bytes < witness_->end.bytes) {
      return Damaged(path + " is shorter than what was acknowledged, or damaged at " +
                     std::to_string(segment.end.bytes) + ": it held " +
                     std::to_string(witness_->end.bytes) + " bytes");
    }
    BITACORA_ASSIGN_OR_RETURN(const std::uint64_t check, CheckAt(path, witness_->end.bytes));
    if (check != witness_->end.check) {
      return Damaged("the log is not the one that was acknowledged: " + path +
                     " differs at or before " + std::to_string(witness_->end.bytes));
    }
    if (contents.records < witness_->records || contents.topics.size() < witness_->topics) {
      return Damaged("the log is shorter than what was acknowledged: it holds " +
                     std::to_string(contents.records) + " records in " +
                     std::to_string(contents.topics.size()) + " topics, and held " +
                     std::to_string(witness_->records) + " in " + std::to_string(witness_->topics));
    }
    return {};
  }

  /// Of the frame that ends at `bytes`.
  Result<std::uint64_t> CheckAt(const std::string& path, std::uint64_t bytes) {
    const auto file = disk_.Open(path);
    if (!file.ok()) return AsDamage(file.error());
    std::string space;
    BITACORA_ASSIGN_OR_RETURN(const std::string_view check,
                              file->Read(bytes - kCheckBytes, kCheckBytes, &space));
    return Decoder(check).BigEndian64();
  }

  const Disk& disk_;
  const std::string& directory_;
  const Testimony* const witness_;
  FoundLog found_;
};

}  // namespace

Result<FoundLog> FindLog(const Disk& disk, const std::string& directory, const Testimony* witness) {
  return Finder(disk, directory, witness).Find();
}

}  // namespace bitacora::event_store::embedded
