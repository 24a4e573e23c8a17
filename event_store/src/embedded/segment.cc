#include "src/embedded/segment.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store::embedded {
namespace {

constexpr std::string_view kMagic = "BITALOG1";
constexpr std::string_view kSegmentSuffix = ".log";
constexpr std::string_view kIndexSuffix = ".index";
constexpr std::size_t kDigits = 20;
constexpr std::size_t kWindowBytes = 1u << 20;

std::string EncodeCheck(std::uint64_t check) {
  std::string bytes;
  PutBigEndian64(&bytes, check);
  return bytes;
}

/// In `rest`, which begins with the check before its first frame, of a group later than that.
bool HasLaterGroupIn(std::string_view rest, std::uint64_t salt) {
  for (std::size_t skipped = kFrameAlignment; skipped < rest.size(); skipped += kFrameAlignment) {
    const auto frame = ReadFrame(rest.substr(skipped), salt);
    if (frame && frame->behind < skipped) return true;
  }
  return false;
}

std::string PathOf(const std::string& directory, SegmentNumber number, std::string_view suffix) {
  std::array<char, kDigits + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%020llu",
                static_cast<unsigned long long>(number.value));
  return directory + "/" + digits.data() + std::string(suffix);
}

}  // namespace

std::string SegmentPath(const std::string& directory, SegmentNumber number) {
  return PathOf(directory, number, kSegmentSuffix);
}

std::string IndexPath(const std::string& directory, SegmentNumber number) {
  return PathOf(directory, number, kIndexSuffix);
}

std::optional<SegmentNumber> NumberOfSegment(std::string_view name) {
  if (name.size() != kDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) {
    return std::nullopt;
  }
  std::string_view digits = name.substr(0, kDigits);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), kDigits - 1));
  const auto number = ParseDecimal(digits);
  if (!number || *number == 0) return std::nullopt;
  return SegmentNumber(*number);
}

std::string EncodeSegmentHead(std::uint64_t salt) {
  std::string head(kMagic);
  PutBigEndian64(&head, salt);
  return head;
}

Result<std::optional<SegmentScanner>> SegmentScanner::Open(const Disk& disk,
                                                           const std::string& path,
                                                           std::uint64_t limit) {
  BITACORA_ASSIGN_OR_RETURN(ReadFile file, disk.Open(path));
  SegmentScanner scanner(std::move(file), limit);
  BITACORA_ASSIGN_OR_RETURN(const std::string_view head,
                            scanner.file_.Read(0, kSegmentHeadBytes, &scanner.space_));
  const std::string_view magic = head.substr(0, kMagic.size());
  const std::size_t same = static_cast<std::size_t>(
      std::mismatch(magic.begin(), magic.end(), kMagic.begin()).first - magic.begin());
  const bool is_torn =
      same < kMagic.size() && head.substr(same).find_first_not_of('\0') == std::string_view::npos;
  if (head.size() < kSegmentHeadBytes || is_torn) return std::optional<SegmentScanner>();
  Decoder decoder(head);
  if (decoder.Raw(kMagic.size()) != kMagic) {
    return Error(ErrorCode::kCorruption, path + " is no segment of a log", "log-damaged");
  }
  scanner.salt_ = decoder.BigEndian64();
  scanner.end_ = {kSegmentHeadBytes, scanner.salt_};
  return std::optional(std::move(scanner));
}

Result<std::string_view> SegmentScanner::Ahead(std::size_t size) {
  const std::uint64_t from = end_.bytes - kCheckBytes;
  if (from < window_at_ || from + size > window_at_ + window_.size()) {
    BITACORA_ASSIGN_OR_RETURN(window_, file_.Read(from, std::max(size, kWindowBytes), &space_));
    window_at_ = from;
  }
  return window_.substr(static_cast<std::size_t>(from - window_at_));
}

Result<std::optional<SegmentScanner::Found>> SegmentScanner::Next() {
  BITACORA_ASSIGN_OR_RETURN(std::string_view bytes, Ahead(kCheckBytes + kFrameAlignment));
  const auto size = BytesOfFrame(bytes, salt_);
  if (!size || end_.bytes - kCheckBytes + *size > limit_) return std::optional<Found>();
  BITACORA_ASSIGN_OR_RETURN(bytes, Ahead(*size));
  const auto frame = ReadFrame(bytes, salt_);
  if (!frame || frame->behind > end_.bytes - kSegmentHeadBytes) return std::optional<Found>();
  const Found found{*frame, end_.bytes};
  end_ = {end_.bytes + frame->bytes, frame->check};
  return std::optional(found);
}

Result<bool> SegmentScanner::HasLaterGroup() const {
  // Rare, and of little: what a torn write or damage leaves.
  const std::uint64_t from = end_.bytes - kCheckBytes;
  std::string rest;
  for (std::string space;;) {
    BITACORA_ASSIGN_OR_RETURN(const std::string_view part,
                              file_.Read(from + rest.size(), kWindowBytes, &space));
    if (part.empty()) break;
    rest.append(part);
  }
  if (HasLaterGroupIn(rest, salt_)) return true;
  // Where but its check was damaged, the frame behind it is still the one that followed it.
  const auto first = ReadUncheckedFrame(rest, salt_);
  if (!first) return false;
  rest.replace(first->bytes, kCheckBytes, EncodeCheck(first->check));
  return HasLaterGroupIn(rest, salt_);
}

}  // namespace bitacora::event_store::embedded
