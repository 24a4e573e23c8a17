// Admit: the rule by which every reader of an owned topic reaches the same verdict on each record
// (docs/admit.md). Pure: no clock, no setting, no I/O, and never the value of a record.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

namespace bitacora {

/// The rule this release applies. A record with a higher one stops its partition.
inline constexpr std::uint64_t kAdmitRule = 1;

/// The most events one record may hold.
inline constexpr std::uint32_t kEventsPerRecordMax = 1000;
/// The most partitions an owned topic may have.
inline constexpr std::int32_t kPartitionsMax = 64;

/// Names of record headers; their values are ASCII text. Bytes that outlive the process:
/// docs/formats.md. No header of rule 1 stands twice in a record, and no other name begins with
/// kOwnPrefix.
inline constexpr std::string_view kOwnPrefix = "bitacora_";
inline constexpr std::string_view kRuleHeader = "bitacora_rule";
inline constexpr std::string_view kAppendHeader = "bitacora_append";
inline constexpr std::string_view kExpectedHeader = "bitacora_expected";
inline constexpr std::string_view kCountHeader = "bitacora_count";
inline constexpr std::string_view kFingerprintHeader = "bitacora_fingerprint";
inline constexpr std::string_view kCloseHeader = "bitacora_close";  ///< Reserved.
inline constexpr std::string_view kGenesisHeader = "bitacora_genesis";
inline constexpr std::string_view kTraceHeader = "traceparent";

/// What an append demands of its stream.
struct Expected {
  enum class Kind { kAny, kNew, kExists, kVersion };
  Kind kind = Kind::kAny;
  Version version;  ///< Only with kVersion: the head the client has seen, 0 or more.
  bool operator==(const Expected&) const = default;
};

/// "new", "exists", "17"; empty for kAny (no header is written then).
std::string FormatExpected(const Expected& expected);
/// The inverse, empty text included; nothing for any other text.
std::optional<Expected> ParseExpected(std::string_view text);

/// The first 16 bytes of a SHA-256 over what the client asked for.
using Fingerprint = std::array<std::uint8_t, 16>;

/// The first record of each partition of an owned topic.
struct Genesis {
  std::string log_id;  ///< UUID of the topic in lower case, the same in each of its partitions.
  std::int32_t partitions = 0;  ///< 1 to kPartitionsMax.
  std::uint64_t rule = kAdmitRule;
  bool operator==(const Genesis&) const = default;
};

/// One record that asks to be admitted. The views point into the record.
struct Attempt {
  std::string_view stream;
  std::string_view append_id;
  Expected expected;
  std::uint32_t count = 1;  ///< Events in it, 1 to kEventsPerRecordMax.
  Fingerprint fingerprint{};
};

/// What a record is, by its key and headers alone.
struct Unreadable {};  ///< Malformed, doubled or missing headers.
struct NeedsNewerRule {
  std::uint64_t rule;
};  ///< Nobody may go past it with this release.
using RecordMeaning = std::variant<Attempt, Genesis, Unreadable, NeedsNewerRule>;

/// Total: every byte sequence means something. Unreadable is a record without any `bitacora_`
/// header (a foreign one), with one doubled, unknown to rule 1 (the reserved kCloseHeader too),
/// missing or not as it is written, and one whose key IsStreamName refuses. So nothing can be added
/// to a record but under a higher rule.
///
/// What every rule keeps, and NeedsNewerRule therefore rests on: kRuleHeader stands once, as a
/// decimal number, and kAppendHeader or kGenesisHeader is there. Such a record with a higher number
/// is NeedsNewerRule whatever else it holds.
RecordMeaning ReadMeaning(const StoredRecord& record);

enum class Verdict : std::uint8_t {  // Stored; values never change.
  kAdmitted = 1,
  kDuplicate = 2,      ///< The id is known with this fingerprint: the first verdict stands.
  kConflict = 3,       ///< Expected state not met. Remembered with the id.
  kKeyReused = 4,      ///< The id is known with another fingerprint. Void.
  kUnreadable = 5,     ///< Void.
  kMisplaced = 6,      ///< No key, or another partition than its key's. Void.
  kGenesis = 7,        ///< A genesis, the one that counts or a later one.
  kBeforeGenesis = 8,  ///< Stands before the genesis. Void.
};
std::string_view VerdictName(Verdict verdict);

/// What is kept of an append id for as long as its stream: the first verdict on it.
struct Remembered {
  Fingerprint fingerprint{};
  bool admitted = false;  ///< Else it was a conflict.
  /// Admitted: of its first event. Conflict: unset.
  Version first_version;
  std::uint32_t count = 0;
  /// The stream's head right after the verdict: admitted, the version of its last event; conflict,
  /// the head it met, nothing where there was no stream.
  std::optional<Version> head;
  Offset offset;  ///< Of the record that got the verdict.
  bool operator==(const Remembered&) const = default;
};

/// The verdict on one attempt, given its stream's head (nothing: no stream yet) and what is
/// remembered of its id. Returns kAdmitted, kDuplicate, kConflict or kKeyReused.
Verdict Admit(const Attempt& attempt, std::optional<Version> head,
              const std::optional<Remembered>& known);

/// Whether `head` satisfies `expected`: step 2 of the rule.
bool Meets(const Expected& expected, std::optional<Version> head);

/// A hash chain over a partition: two readers that folded the same records have equal chains.
using Chain = std::array<std::uint8_t, 16>;

/// The link behind `previous`: the first 16 bytes of SHA-256 over previous, offset and, of an
/// attempt, all that Admit sees of it; of any other record, key, value and headers. docs/formats.md
/// has it byte by byte.
Chain NextChain(const Chain& previous, const StoredRecord& record);

/// What a fold knows of one partition besides its streams. Stored by whoever folds.
struct PartitionFold {
  std::optional<Genesis> genesis;
  Offset next;  ///< The first offset not folded yet.
  Chain chain{};
  std::int64_t events = 0;    ///< Admitted so far.
  std::int64_t attempts = 0;  ///< Records with a verdict of Admit, kAdmitted … kKeyReused.
  std::int64_t unreadable = 0;
  std::int64_t misplaced = 0;
  bool operator==(const PartitionFold&) const = default;
};

/// Streams and append ids as the fold needs them. Lookups see all earlier steps of the same fold.
class StreamLookup {
 public:
  virtual ~StreamLookup() = default;
  virtual std::optional<Version> Head(std::string_view stream) = 0;
  virtual std::optional<Remembered> Find(std::string_view stream, std::string_view append_id) = 0;
};

/// What folding one record came to.
struct FoldStep {
  Verdict verdict = Verdict::kUnreadable;
  Attempt attempt;  ///< Where verdict is kAdmitted … kKeyReused; views into the record.
  /// kAdmitted and kConflict: to be kept under the id, with the new head if admitted.
  /// kDuplicate, kKeyReused: what was known already.
  Remembered remembered;
};

/// Folds `record`, the next of partition `self`, and moves `fold` past it. Nothing, with `fold` as
/// it was, where the record needs a newer rule. Offsets only grow: `record.offset` >= `fold->next`,
/// a BITACORA_CHECK.
///
/// The first of these that holds is the verdict: needs a newer rule; is a genesis; stands before
/// the genesis; has no key or belongs to another partition (of as many as genesis says);
/// unreadable; Admit's.
///
/// The caller applies the step: kAdmitted sets the stream's head and adds the id; kConflict adds
/// the id; the others change nothing.
std::optional<FoldStep> FoldRecord(const StoredRecord& record, Partition self, PartitionFold* fold,
                                   StreamLookup& lookup);

/// The headers (but kTraceHeader) and key of a record that asks to be admitted.
Record MakeAttempt(const StreamName& stream, const AppendId& append_id, const Expected& expected,
                   std::uint32_t count, const Fingerprint& fingerprint);
/// The record that begins a partition of a new owned topic: no key, an empty value.
Record MakeGenesis(const Genesis& genesis);

}  // namespace bitacora
