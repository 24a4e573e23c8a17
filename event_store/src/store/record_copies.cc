#include "src/store/record_copies.h"

#include <algorithm>

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>

namespace bitacora::event_store {
namespace {

constexpr std::string_view kMagic = "BITACOP1";  ///< Also the check before the first frame.
constexpr std::string_view kSuffix = ".copies";

/// Of a file of copies; nothing for other names.
std::optional<std::uint64_t> NumberOf(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  return ParseDecimal(name.substr(0, name.size() - kSuffix.size()));
}

}  // namespace

Result<std::unique_ptr<RecordCopies>> RecordCopies::Open(const Disk& disk,
                                                         const std::string& directory,
                                                         std::uint64_t file_bytes) {
  std::unique_ptr<RecordCopies> copies(new RecordCopies(disk, directory, file_bytes));
  BITACORA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory));
  MutexLock lock(copies->mu_);
  for (const std::string& name : names) {
    if (const auto number = NumberOf(name)) copies->number_ = std::max(copies->number_, *number);
  }
  return copies;
}

std::string RecordCopies::PathOf(std::uint64_t file) const {
  return directory_ + "/" + std::to_string(file) + std::string(kSuffix);
}

Status RecordCopies::Begin() {
  file_.reset();
  BITACORA_ASSIGN_OR_RETURN(AppendedFile file, disk_.Create(PathOf(++number_)));
  BITACORA_RETURN_IF_ERROR(file.Append(kMagic));
  file_ = std::move(file);
  bytes_ = kMagic.size();
  group_.Begin(number_, Decoder(kMagic).BigEndian64());
  return {};
}

Result<std::vector<CopyPlace>> RecordCopies::Write(std::span<const Run> runs) {
  MutexLock lock(mu_);
  if (!file_ || bytes_ >= file_bytes_) BITACORA_RETURN_IF_ERROR(Begin());
  group_.Begin(number_, group_.check());
  std::vector<CopyPlace> places;
  places.reserve(runs.size());
  for (const Run& run : runs) {
    places.push_back({number_, bytes_ + group_.bytes().size()});
    group_.Add([&](std::string* out) { out->append(run.key).append(run.records); });
  }
  if (const Status written = file_->Append(group_.bytes()); !written.ok()) {
    file_.reset();  // Of how much was written there nothing is known: it goes on in another.
    return written.error();
  }
  bytes_ += group_.bytes().size();
  return places;
}

std::optional<std::string> RecordCopies::Read(const CopyPlace& place, std::string_view key,
                                              std::size_t bytes) const {
  const std::size_t payload_bytes = key.size() + bytes;
  const auto file = open_.Get(PathOf(place.file));
  if (!file.ok() || place.at < kCheckBytes) return std::nullopt;
  std::string space;
  const auto read =
      (*file)->Read(place.at - kCheckBytes, kCheckBytes + FrameBytes(payload_bytes), &space);
  if (!read.ok()) return std::nullopt;
  const auto frame = ReadFrame(*read, place.file);
  // A file that a power cut took may have been made again, with other runs at the same places.
  if (!frame || frame->payload.size() != payload_bytes || !frame->payload.starts_with(key)) {
    return std::nullopt;
  }
  return std::string(frame->payload.substr(key.size()));
}

}  // namespace bitacora::event_store
