// The bytes of the state: docs/formats.md, section "The state". A change of any of them raises
// kStateFormat; state of another format is deleted and folded anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/record.h>

namespace bitacora::event_store {

inline constexpr std::uint32_t kStateFormat = 7;

/// A partition as keys name it: the topic's number in this state, and the partition's.
struct PartitionKey {
  std::uint32_t topic = 0;
  std::int32_t partition = 0;
  auto operator<=>(const PartitionKey&) const = default;
};

/// 8 bytes that every key of the partition begins with.
std::string PartitionPrefix(const PartitionKey& partition);
/// Prefix, length and name: what every key of the stream begins with.
std::string StreamPrefix(const PartitionKey& partition, std::string_view stream);

/// Where an append id is remembered: by id before stream. Ids made by this server grow with time,
/// so that their rows come one behind the other; nothing is asked of all ids of a stream.
std::string AppendKey(const PartitionKey& partition, std::string_view stream,
                      std::string_view append_id);
/// What the partition's keys of ids that are UUIDs by time (version 7) begin with.
std::string TimedIdPrefix(const PartitionKey& partition);
/// That prefix and the id, which sort by time, of such a key; nothing of other keys.
std::string_view TimedIdOf(std::string_view append_key);

/// The stored fold of a partition, and enough of its last record to recognise a log that went back.
struct PartitionState {
  PartitionFold fold;
  std::optional<Offset> last;  ///< Offset of the last record folded.
  Chain chain_before_last{};
  bool operator==(const PartitionState&) const = default;
};
std::string EncodePartitionState(const PartitionState& state);
std::optional<PartitionState> DecodePartitionState(std::string_view bytes);

std::string EncodeRemembered(const Remembered& remembered);
std::optional<Remembered> DecodeRemembered(std::string_view bytes);

/// Where one append of a stream is: the value behind (stream, first version).
struct AppendPlace {
  Offset offset;
  std::uint32_t count = 0;
  Offset run;  ///< The first record of the run of admitted ones that it is in.
};
std::string EncodeAppendPlace(const AppendPlace& place);
std::optional<AppendPlace> DecodeAppendPlace(std::string_view bytes);

/// An append of a stream and the version of its first event.
struct StreamAppend {
  Version first_version;
  AppendPlace place;
  Version last_version() const { return Version(first_version.value + place.count - 1); }
};

/// Where the copied records of a run are: a file (record_copies.h), and the frame's place there.
struct CopyPlace {
  std::uint64_t file = 0;
  std::uint64_t at = 0;
};

/// An admitted record.
struct AdmittedEntry {
  Offset offset;
  Version first_version;
  std::uint32_t count = 0;
  std::size_t copy_bytes = 0;  ///< Of its copy among those of the run; 0 without copies.
};

/// Admitted records of a partition one behind the other, not all offsets between being theirs: the
/// value behind the offset of the first.
class AdmittedRun {
 public:
  /// A run is closed with so many records, or when their copies have so many bytes: as much as
  /// reading one of them may cost beyond its own.
  static constexpr std::size_t kRecordsMax = 64;
  static constexpr std::size_t kCopiesMax = 4096;

  explicit AdmittedRun(Offset first) : first_(first), last_(first) {}

  /// A record behind all before. `copy`: empty where records are not copied.
  void Add(Offset offset, Version first_version, std::uint32_t count, std::string copy);
  Offset first() const { return first_; }
  /// Takes no more, and does not change any more.
  bool full() const { return records_ >= kRecordsMax || copies_.size() >= kCopiesMax; }
  const std::string& copies() const { return copies_; }
  /// The row. `copies_at`: where its copies are; nothing without copies.
  std::string Encode(const std::optional<CopyPlace>& copies_at) const;

 private:
  Offset first_;
  Offset last_;
  std::size_t records_ = 0;
  std::string entries_;
  std::string copies_;
};

/// A row, read.
struct AdmittedRow {
  std::vector<AdmittedEntry> entries;
  std::optional<CopyPlace> copies_at;
};
std::optional<AdmittedRow> DecodeAdmittedRow(Offset first, std::string_view bytes);

}  // namespace bitacora::event_store
