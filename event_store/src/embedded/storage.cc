#include "src/embedded/storage.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <variant>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/uuid.h>

#include "src/embedded/posix_file.h"

namespace bitacora::event_store::embedded {
namespace {

/// Places in an index reach further; a start reads the last segment as a whole.
constexpr std::uint64_t kSegmentBytesMax = 1u << 30;

std::string WitnessIn(const std::string& directory) { return directory + "/WITNESS"; }

Error WithPath(const Error& error, const std::string& directory) {
  return Error(error.code(), "the log in " + directory + ": " + error.message(), error.reason());
}

/// All but the first writes, on one thread: a log whose syncs are passed over has its beginning.
bool IsPassedOver() {
  static int writes = 0;
  return ++writes > 64;
}

}  // namespace

Storage::Storage(const StorageOptions& options)
    : options_(options),
      segment_bytes_(std::min(options.segment_bytes, kSegmentBytesMax)),
      disk_(options.file_system),
      segments_(disk_, options_.directory, options.places_kept) {}

Result<std::unique_ptr<Storage>> Storage::Open(const StorageOptions& options) {
  std::unique_ptr<Storage> storage(new Storage(options));
  const Status opened = storage->OpenExisting();
  if (!opened.ok()) return WithPath(opened.error(), options.directory);
  return storage;
}

Status Storage::OpenExisting() {
  const std::string path = WitnessIn(options_.directory);
  auto witness = Witness::Open(
      path, options_.read_only ? Witness::Access::kRead : Witness::Access::kReadWrite);
  const bool has_witness = witness.ok();
  if (has_witness) {
    witness_ = std::move(*witness);
    if (!witness_->both_slots_readable()) {
      LogWarning("one of two notes of the log's witness is damaged", {{"path", path}});
    }
  } else if (witness.error().code() != ErrorCode::kNotFound) {
    return witness.error();
  }
  BITACORA_ASSIGN_OR_RETURN(FoundLog found, FindLog(disk_, options_.directory,
                                                    has_witness ? &witness_->found() : nullptr));
  if (!has_witness) {
    // The process ended while it made the log, before any record, or else a file was lost.
    if (!found.contents.topics.empty()) {
      return Error(ErrorCode::kCorruption, path + " is missing", "log-damaged");
    }
    return options_.read_only ? Error(ErrorCode::kNotFound, "there is no log") : Make();
  }

  // A failed sync may have left what is behind the last acknowledged write in the kernel's memory
  // only, where no further sync writes it: so that is written again, elsewhere.
  std::vector<std::string> payloads;
  if (!options_.read_only && options_.sync && !Mutated(Promise::kP11)) {
    BITACORA_ASSIGN_OR_RETURN(payloads, TakeBehind(witness_->found().end, &found));
  }
  contents_ = std::move(found.contents);
  newest_ = found.segments.back().segment;
  for (FoundSegment& segment : found.segments) {
    const bool lost_its_index = segment.runs && segment.segment.number != newest_.number;
    if (lost_its_index && !options_.read_only) {
      BITACORA_RETURN_IF_ERROR(
          WriteIndex(disk_, options_.directory, *segment.runs, &segment.segment));
      segment.runs.reset();
    }
    segments_.Add(std::move(segment.segment), std::move(segment.runs));
  }
  segments_.LoadPlaces();
  if (!payloads.empty()) return OrFail(Begin(payloads));
  if (options_.read_only || !options_.sync) return {};
  // The note may be in the kernel's memory only, of a process that was killed or after a sync that
  // failed: it is made again, and synced, before anything it speaks of is shown or followed.
  BITACORA_RETURN_IF_ERROR(witness_->Note(witness_->found()));
  return witness_->Sync();
}

Status Storage::Make() {
  BITACORA_RETURN_IF_ERROR(MakeDirectories(options_.directory));
  BITACORA_RETURN_IF_ERROR(
      SyncDirectory(std::filesystem::absolute(options_.directory).parent_path()));
  contents_ = {};
  contents_.log_id = MakeUuidV4(SystemRandom());
  BITACORA_RETURN_IF_ERROR(Begin({}));
  const std::string path = WitnessIn(options_.directory);
  BITACORA_RETURN_IF_ERROR(Witness::Create(path, testimony()));
  BITACORA_ASSIGN_OR_RETURN(witness_, Witness::Open(path, Witness::Access::kReadWrite));
  return {};
}

Result<std::vector<std::string>> Storage::TakeBehind(const SegmentEnd& from,
                                                     FoundLog* found) const {
  std::vector<std::string> payloads;
  FoundSegment& last = found->segments.back();
  if (last.segment.end == from) return payloads;
  const std::string path = SegmentPath(options_.directory, last.segment.number);
  BITACORA_ASSIGN_OR_RETURN(auto before, SegmentScanner::Open(disk_, path, from.bytes));
  BITACORA_ASSIGN_OR_RETURN(auto all, SegmentScanner::Open(disk_, path, last.segment.end.bytes));
  if (!before || !all) {
    return Error(ErrorCode::kCorruption, path + " changed while it was opened", "log-damaged");
  }
  while (all->end() != last.segment.end) {
    const std::uint64_t at = all->end().bytes;
    BITACORA_ASSIGN_OR_RETURN(const auto frame, all->Next());
    if (!frame) break;
    if (at >= from.bytes) payloads.emplace_back(frame->frame.payload);
  }
  BITACORA_ASSIGN_OR_RETURN(ScannedSegment scanned, ScanSegment(&*before));
  if (scanned.segment.end != from || all->end() != last.segment.end) {
    return Error(ErrorCode::kCorruption, path + " changed while it was opened", "log-damaged");
  }
  LogInfo("what nobody was told of is written again",
          {{"records_and_topics", static_cast<std::int64_t>(payloads.size())}});
  PlaceRuns(scanned.runs, &scanned.segment);
  last = {std::move(scanned.segment), std::move(scanned.runs)};
  found->contents = std::move(scanned.contents);
  return payloads;
}

Testimony Storage::testimony() const {
  return {contents_.records, static_cast<std::uint32_t>(contents_.topics.size()), newest_.number,
          newest_.end};
}

Status Storage::OrFail(Status status) {
  failed_ = failed_ || !status.ok();
  return status;
}

Status Storage::Prepare() {
  if (failed_) {
    return Error(ErrorCode::kUnavailable, "the log was not written before", "log-unavailable");
  }
  if (file_ && newest_.end.bytes - begun_bytes_ < segment_bytes_) return {};
  return Begin({});
}

std::vector<std::uint64_t> Storage::MakeBeginning(SegmentNumber number, std::uint64_t salt,
                                                  std::span<const std::string> payloads) {
  std::vector<HeadRow> heads;
  for (const TopicContents& topic : contents_.topics) {
    for (std::int32_t i = 0; i < topic.row.partitions; ++i) {
      const PartitionHead& head = topic.heads[static_cast<std::size_t>(i)];
      if (head.end > Offset(0)) heads.push_back({{topic.row.number, Partition(i)}, head});
    }
  }
  const SegmentHeader header{contents_.log_id, number,
                             1 + contents_.topics.size() + heads.size() + payloads.size(),
                             newest_.end.bytes, newest_.end.check};
  group_.Begin(salt, salt);
  group_.Add([&](std::string* out) { PutPayload(header, out); });
  for (const TopicContents& topic : contents_.topics) {
    group_.Add([&](std::string* out) { PutPayload(topic.row, out); });
  }
  for (const HeadRow& head : heads) group_.Add([&](std::string* out) { PutPayload(head, out); });
  std::vector<std::uint64_t> places;
  for (const std::string& payload : payloads) {
    places.push_back(kSegmentHeadBytes + group_.bytes().size());
    group_.Add([&](std::string* out) { out->append(payload); });
  }
  return places;
}

Status Storage::Begin(std::span<const std::string> payloads) {
  if (newest_.number.value > 0) {
    // Where a crash takes its name away, it is made anew.
    BITACORA_RETURN_IF_ERROR(
        WriteIndex(disk_, options_.directory, segments_.newest_runs(), &newest_));
    segments_.Seal(newest_);
  }
  const SegmentNumber number = newest_.number.Next();
  const std::uint64_t salt = SystemRandom().Next64();
  const std::vector<std::uint64_t> places = MakeBeginning(number, salt, payloads);
  if (Status written = WriteBeginning(number, salt); !written.ok()) {
    // Nobody knows of it yet. On a full disk its space is what opening again needs.
    file_.reset();
    disk_.Remove(SegmentPath(options_.directory, number));
    return written;
  }
  segments_.Grow(number, salt);
  BITACORA_RETURN_IF_ERROR(Take(payloads, places));
  if (!payloads.empty()) group_ = {};  // It may have had a segment's size.
  if (!witness_) return {};
  // On the disk before anything else is written there: a segment the witness does not know holds
  // nothing that was acknowledged.
  BITACORA_RETURN_IF_ERROR(witness_->Note(testimony()));
  return options_.sync ? witness_->Sync() : Status();
}

Status Storage::WriteBeginning(SegmentNumber number, std::uint64_t salt) {
  BITACORA_ASSIGN_OR_RETURN(file_, disk_.Create(SegmentPath(options_.directory, number)));
  newest_ = {number, salt, newest_.end, {kSegmentHeadBytes, salt}, {}};
  BITACORA_RETURN_IF_ERROR(file_->Append(EncodeSegmentHead(salt)));
  BITACORA_RETURN_IF_ERROR(WriteGroup());
  begun_bytes_ = newest_.end.bytes;
  return disk_.SyncDirectory(options_.directory);
}

Status Storage::Take(std::span<const std::string> payloads, std::span<const std::uint64_t> places) {
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    BITACORA_ASSIGN_OR_RETURN(const Payload payload, ReadPayload(payloads[i]));
    if (const auto* topic = std::get_if<TopicRow>(&payload)) {
      BITACORA_RETURN_IF_ERROR(Apply(*topic, &contents_));
    } else if (const auto* record = std::get_if<RecordRow>(&payload)) {
      BITACORA_RETURN_IF_ERROR(Apply(*record, &contents_));
      const Segments::NewRecord published{record->at, record->offset, PlaceOf(places[i])};
      segments_.Publish({&published, 1});
    }
  }
  return {};
}

Status Storage::WriteGroup() {
  BITACORA_RETURN_IF_ERROR(file_->Append(group_.bytes()));
  if (options_.sync && !(Mutated(Promise::kP1) && IsPassedOver())) {
    BITACORA_RETURN_IF_ERROR(file_->Sync());
  }
  newest_.end = {newest_.end.bytes + group_.bytes().size(), group_.check()};
  return {};
}

Status Storage::Write(std::span<const RecordRow> records) {
  BITACORA_RETURN_IF_ERROR(OrFail(Prepare()));
  group_.Begin(newest_.salt, newest_.end.check);
  published_.clear();
  for (const RecordRow& record : records) {
    published_.push_back(
        {record.at, record.offset, PlaceOf(newest_.end.bytes + group_.bytes().size())});
    group_.Add([&](std::string* out) { PutPayload(record, out); });
  }
  BITACORA_RETURN_IF_ERROR(OrFail(WriteGroup()));
  for (const RecordRow& record : records) {
    BITACORA_RETURN_IF_ERROR(OrFail(Apply(record, &contents_)));
  }
  segments_.Publish(published_);
  return {};
}

Status Storage::Write(const TopicRow& topic) {
  BITACORA_RETURN_IF_ERROR(OrFail(Prepare()));
  group_.Begin(newest_.salt, newest_.end.check);
  group_.Add([&](std::string* out) { PutPayload(topic, out); });
  BITACORA_RETURN_IF_ERROR(OrFail(WriteGroup()));
  return OrFail(Apply(topic, &contents_));
}

Status Storage::CopyTo(const std::string& directory, const Testimony& testimony) const {
  BITACORA_RETURN_IF_ERROR(MakeDirectories(directory));
  for (SegmentNumber number(1); number < testimony.segment; number = number.Next()) {
    BITACORA_RETURN_IF_ERROR(
        disk_.LinkOrCopy(SegmentPath(options_.directory, number), SegmentPath(directory, number)));
    // Made anew where it is missing, as here when this log is open for reading only.
    Status index =
        disk_.LinkOrCopy(IndexPath(options_.directory, number), IndexPath(directory, number));
    if (!index.ok() && index.error().code() != ErrorCode::kNotFound) return index;
  }
  BITACORA_RETURN_IF_ERROR(disk_.CopyStart(SegmentPath(options_.directory, testimony.segment),
                                           SegmentPath(directory, testimony.segment),
                                           testimony.end.bytes));
  BITACORA_RETURN_IF_ERROR(disk_.SyncDirectory(directory));
  return Witness::Create(WitnessIn(directory), testimony);
}

}  // namespace bitacora::event_store::embedded
