// The log without Kafka: one directory, durable before it answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

struct EmbeddedLogOptions {
  std::string directory;
  /// Opens a checkpoint (or a log nobody else has open) for reading only; every append fails.
  bool read_only = false;
  /// Free space below which appends get kResourceExhausted "disk-full". 0: max(256 MiB, min(5 % of
  /// the disk, 4 GiB)).
  std::uint64_t free_bytes_min = 0;
  /// Without it an acknowledged record may be lost in a power cut. Off only in tests that are about
  /// something else, to be quick.
  bool sync = true;
  /// Bytes of a file of the log from which on another follows, at most 1 GiB; a write may reach
  /// beyond it. A start reads the last file as a whole.
  std::uint64_t segment_bytes = 128u << 20;
  /// Of how many records of full files memory says where they lie, four bytes each: the newest. Of
  /// older ones that is read with them. All of a file, or none; a partition that has records in a
  /// file counts as 32 more.
  std::size_t places_kept = 4u << 20;
  std::size_t queue_records_max =
      65'536;  ///< Appends waiting for the writer; beyond: kResourceExhausted.
};

/// Opens the log in `options.directory`, making it if there is none. The caller holds the lock of
/// the data directory.
///
/// kCorruption: damaged; the message names the file. Nothing is repaired or dropped silently.
/// kResourceExhausted "disk-too-full": under 64 MiB free, not opened. kPermissionDenied.
/// kInvalidArgument: written by a newer release.
Result<std::unique_ptr<Log>> OpenEmbeddedLog(const EmbeddedLogOptions& options, Metrics& metrics);

}  // namespace bitacora::event_store
