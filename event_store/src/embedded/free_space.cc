#include "src/embedded/free_space.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/statvfs.h>
#include <unistd.h>

#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>

#include "src/embedded/posix_file.h"

namespace bitacora::event_store::embedded {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kBallastBytesMax = 64 * kMiB;

std::uint64_t DefaultWatermark(std::uint64_t disk_size) {
  return std::max(256 * kMiB, std::min(disk_size / 20, 4096 * kMiB));
}

std::string InMiB(std::uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

}  // namespace

Result<DiskSpace> MeasureDisk(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return FromErrno(errno, "measure", directory);
  return DiskSpace{disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize};
}

FreeSpace::FreeSpace(std::string directory, std::uint64_t watermark, Metrics& metrics)
    : directory_(std::move(directory)),
      ballast_path_(directory_ + "/BALLAST"),
      watermark_(watermark),
      free_gauge_(metrics.GetGauge("bitacora_log_disk_free_bytes",
                                   "Free space on the disk of the embedded log.")) {
  const auto disk = MeasureDisk(directory_);
  if (watermark_ == 0) watermark_ = DefaultWatermark(disk.ok() ? disk->size : 0);
  watermark_ = std::max(watermark_, kReserveBytes);
  // A small part of a small disk.
  ballast_bytes_ = std::min(kBallastBytesMax, (disk.ok() ? disk->size : 0) / 32);
  has_ballast_ = FileExists(ballast_path_);
}

Status FreeSpace::CheckBeforeOpening() {
  Check();
  if (free_ < kReserveBytes) DropBallast();
  BITACORA_ASSIGN_OR_RETURN(const DiskSpace disk, MeasureDisk(directory_));
  if (disk.free < kReserveBytes) {
    return Error(ErrorCode::kResourceExhausted,
                 "the disk of " + directory_ + " has " + InMiB(disk.free) +
                     " free; opening the log needs " + InMiB(kReserveBytes),
                 "disk-too-full");
  }
  return {};
}

void FreeSpace::Check() {
  const auto disk = MeasureDisk(directory_);
  if (!disk.ok()) return;  // What it last was; a disk that is gone fails the writes themselves.
  free_ = disk->free;
  free_gauge_.Set(static_cast<double>(disk->free));
  const bool full = disk->free < watermark_ && !Mutated(Promise::kP12);
  if (full != full_.exchange(full)) {
    if (full) {
      LogWarning("disk nearly full: appends are refused", {{"free", InMiB(disk->free)}});
    } else {
      LogInfo("space came back: appends are taken again", {{"free", InMiB(disk->free)}});
    }
  }
  if (disk->free < watermark_ / 2) DropBallast();
  // Far above, so that taking it does not make the disk full again.
  if (disk->free > watermark_ + 4 * ballast_bytes_) TakeBallast();
}

Status FreeSpace::status() const {
  if (!full_) return {};
  return Error(
      ErrorCode::kResourceExhausted,
      "the disk of the log has " + InMiB(free_) + " free, and appends need " + InMiB(watermark_),
      "disk-full");
}

void FreeSpace::DropBallast() {
  if (!has_ballast_) return;
  has_ballast_ = false;
  if (::unlink(ballast_path_.c_str()) != 0 && errno != ENOENT) {
    LogWarning("the ballast file cannot be removed", {{"path", ballast_path_}});
  }
}

void FreeSpace::TakeBallast() {
  if (has_ballast_ || ballast_bytes_ == 0) return;
  auto file = PosixFile::Open(ballast_path_, PosixFile::Mode::kCreate);
  has_ballast_ = file.ok() && file->Reserve(ballast_bytes_).ok();
  if (!has_ballast_) ::unlink(ballast_path_.c_str());
}

}  // namespace bitacora::event_store::embedded
