// The bytes of the state: docs/formats.md, section "The state". A change of any of them raises
// kStateFormat; state of another format is deleted and folded anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/record.h>

namespace bitacora::event_store {

inline constexpr std::uint32_t kStateFormat = 3;

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
};
std::string EncodeAppendPlace(const AppendPlace& place);
std::optional<AppendPlace> DecodeAppendPlace(std::string_view bytes);

/// An admitted record: the value behind its offset.
struct AdmittedEntry {
  Version first_version;
  std::uint32_t count = 0;
  std::string_view
      record;  ///< EncodeRecord's bytes, or empty where the log itself has them at hand.
};
std::string EncodeAdmittedEntry(const AdmittedEntry& entry);
/// The view points into `bytes`.
std::optional<AdmittedEntry> DecodeAdmittedEntry(std::string_view bytes);

}  // namespace bitacora::event_store
