#include <algorithm>
#include <limits>

#include <bitacora/base/check.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/sha256.h>
#include <bitacora/domain/admit.h>

namespace bitacora {
namespace {

/// The headers of a record that begin with kOwnPrefix.
struct OwnHeaders {
  std::optional<std::string_view> rule;
  std::optional<std::string_view> append;
  std::optional<std::string_view> expected;
  std::optional<std::string_view> count;
  std::optional<std::string_view> fingerprint;
  std::optional<std::string_view> genesis;
  bool rule_doubled = false;
  bool refused = false;  ///< One is doubled or unknown.

  std::optional<std::string_view>* Find(std::string_view name) {
    if (name == kRuleHeader) return &rule;
    if (name == kAppendHeader) return &append;
    if (name == kExpectedHeader) return &expected;
    if (name == kCountHeader) return &count;
    if (name == kFingerprintHeader) return &fingerprint;
    if (name == kGenesisHeader) return &genesis;
    return nullptr;
  }
};

OwnHeaders ReadOwnHeaders(const StoredRecord& record) {
  OwnHeaders own;
  for (const RecordHeaderView& header : record.headers) {
    if (!header.name.starts_with(kOwnPrefix)) continue;
    std::optional<std::string_view>* const place = own.Find(header.name);
    if (place == nullptr || place->has_value()) {
      own.refused = true;
      own.rule_doubled |= place == &own.rule;
    } else {
      *place = header.value;
    }
  }
  return own;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool ParseFingerprint(std::string_view text, Fingerprint* fingerprint) {
  if (text.size() != fingerprint->size() * 2) return false;
  for (std::size_t i = 0; i < fingerprint->size(); ++i) {
    const int high = HexDigit(text[2 * i]);
    const int low = HexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*fingerprint)[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string_view AsView(const std::array<std::uint8_t, 16>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// 8-4-4-4-12 hexadecimal digits in lower case.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : HexDigit(text[i]) < 0) return false;
  }
  return true;
}

RecordMeaning ReadGenesis(const OwnHeaders& own, std::uint64_t rule) {
  if (own.append || own.expected || own.count || own.fingerprint) return Unreadable{};
  const std::string_view text = *own.genesis;
  if (text.size() < 38 || text[36] != ' ' || !IsUuid(text.substr(0, 36))) return Unreadable{};
  const auto partitions = ParseDecimal(text.substr(37), kPartitionsMax);
  if (!partitions || *partitions == 0) return Unreadable{};
  return Genesis{std::string(text.substr(0, 36)), static_cast<std::int32_t>(*partitions), rule};
}

RecordMeaning ReadAttempt(const StoredRecord& record, const OwnHeaders& own) {
  if (!record.key || !own.append || !own.count || !own.fingerprint) return Unreadable{};
  if (!IsStreamName(*record.key) || !IsAppendId(*own.append)) return Unreadable{};
  Attempt attempt;
  attempt.stream = *record.key;
  attempt.append_id = *own.append;
  if (own.expected) {
    const std::optional<Expected> expected = ParseExpected(*own.expected);
    if (!expected || expected->kind == Expected::Kind::kAny) return Unreadable{};
    attempt.expected = *expected;
  }
  const auto count = ParseDecimal(*own.count, kEventsPerRecordMax);
  if (!count || *count == 0) return Unreadable{};
  attempt.count = static_cast<std::uint32_t>(*count);
  if (!ParseFingerprint(*own.fingerprint, &attempt.fingerprint)) return Unreadable{};
  return attempt;
}

Chain FirstHalf(const Sha256Digest& digest) {
  Chain chain;
  std::copy_n(digest.begin(), chain.size(), chain.begin());
  return chain;
}

Chain ChainOf(const Chain& previous, const Attempt& attempt, Offset offset) {
  std::string link;
  link.reserve(256);
  link.append(AsView(previous));
  PutBigEndian64(&link, static_cast<std::uint64_t>(offset.value));
  link.push_back('a');
  link.append(AsView(attempt.fingerprint));
  PutBytes(&link, attempt.append_id);
  PutBytes(&link, attempt.stream);
  PutBytes(&link, FormatExpected(attempt.expected));
  PutBytes(&link, std::to_string(attempt.count));
  return FirstHalf(HashSha256(link));
}

Chain ChainOfOther(const Chain& previous, const StoredRecord& record) {
  std::string link(AsView(previous));
  PutBigEndian64(&link, static_cast<std::uint64_t>(record.offset.value));
  link.push_back('o');
  link.push_back(record.key ? '1' : '0');
  PutBytes(&link, record.key.value_or(std::string_view()));
  link.push_back(record.is_tombstone ? '0' : '1');
  PutBytes(&link, record.value);
  for (const RecordHeaderView& header : record.headers) {
    PutBytes(&link, header.name);
    PutBytes(&link, header.value);
  }
  return FirstHalf(HashSha256(link));
}

Chain NextChain(const Chain& previous, const StoredRecord& record, const RecordMeaning& meaning) {
  const auto* const attempt = std::get_if<Attempt>(&meaning);
  return attempt != nullptr ? ChainOf(previous, *attempt, record.offset)
                            : ChainOfOther(previous, record);
}

/// What is to be kept of the first record with an append id.
Remembered Remember(const Attempt& attempt, bool admitted, std::optional<Version> head,
                    Offset offset) {
  Remembered remembered;
  remembered.fingerprint = attempt.fingerprint;
  remembered.admitted = admitted;
  remembered.offset = offset;
  remembered.head = head;
  if (admitted) {
    remembered.first_version = head ? head->Next() : Version(0);
    remembered.count = attempt.count;
    remembered.head = Version(remembered.first_version.value + attempt.count - 1);
  }
  return remembered;
}

FoldStep FoldAttempt(const Attempt& attempt, Offset offset, StreamLookup& lookup) {
  FoldStep step;
  step.attempt = attempt;
  if (const auto known = lookup.Find(attempt.stream, attempt.append_id)) {
    step.verdict = Admit(attempt, std::nullopt, known);
    step.remembered = *known;
    return step;
  }
  const std::optional<Version> head = lookup.Head(attempt.stream);
  step.verdict = Admit(attempt, head, std::nullopt);
  step.remembered = Remember(attempt, step.verdict == Verdict::kAdmitted, head, offset);
  return step;
}

/// FoldRecord without the moving on: what the record comes to, and what it counts as.
FoldStep StepOf(const StoredRecord& record, const RecordMeaning& meaning, Partition self,
                PartitionFold* fold, StreamLookup& lookup) {
  FoldStep step;
  if (const auto* const genesis = std::get_if<Genesis>(&meaning)) {
    if (!fold->genesis) fold->genesis = *genesis;
    step.verdict = Verdict::kGenesis;
  } else if (!fold->genesis) {
    step.verdict = Verdict::kBeforeGenesis;
  } else if (!record.key || PartitionOf(*record.key, fold->genesis->partitions) != self) {
    step.verdict = Verdict::kMisplaced;
    ++fold->misplaced;
  } else if (const auto* const attempt = std::get_if<Attempt>(&meaning)) {
    step = FoldAttempt(*attempt, record.offset, lookup);
    ++fold->attempts;
    if (step.verdict == Verdict::kAdmitted) fold->events += attempt->count;
  } else {
    step.verdict = Verdict::kUnreadable;
    ++fold->unreadable;
  }
  return step;
}

}  // namespace

std::string FormatExpected(const Expected& expected) {
  switch (expected.kind) {
    case Expected::Kind::kAny:
      return {};
    case Expected::Kind::kNew:
      return "new";
    case Expected::Kind::kExists:
      return "exists";
    case Expected::Kind::kVersion:
      return std::to_string(expected.version.value);
  }
  BITACORA_CHECK(false, "an Expected::Kind that is none");
}

std::optional<Expected> ParseExpected(std::string_view text) {
  if (text.empty()) return Expected{};
  if (text == "new") return Expected{Expected::Kind::kNew, Version()};
  if (text == "exists") return Expected{Expected::Kind::kExists, Version()};
  const auto number = ParseDecimal(text, std::numeric_limits<std::int64_t>::max());
  if (!number) return std::nullopt;
  return Expected{Expected::Kind::kVersion, Version(static_cast<std::int64_t>(*number))};
}

RecordMeaning ReadMeaning(const StoredRecord& record) {
  const OwnHeaders own = ReadOwnHeaders(record);
  if (!own.rule || own.rule_doubled || !(own.append || own.genesis)) return Unreadable{};
  const std::optional<std::uint64_t> rule = ParseDecimal(*own.rule);
  if (!rule || *rule == 0) return Unreadable{};
  if (*rule > kAdmitRule) return NeedsNewerRule{*rule};
  if (own.refused) return Unreadable{};
  return own.genesis ? ReadGenesis(own, *rule) : ReadAttempt(record, own);
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAdmitted:
      return "admitted";
    case Verdict::kDuplicate:
      return "duplicate";
    case Verdict::kConflict:
      return "conflict";
    case Verdict::kKeyReused:
      return "key-reused";
    case Verdict::kUnreadable:
      return "unreadable";
    case Verdict::kMisplaced:
      return "misplaced";
    case Verdict::kGenesis:
      return "genesis";
    case Verdict::kBeforeGenesis:
      return "before-genesis";
  }
  return "unknown";  // Of a number read from a disk.
}

bool Meets(const Expected& expected, std::optional<Version> head) {
  switch (expected.kind) {
    case Expected::Kind::kAny:
      return true;
    case Expected::Kind::kNew:
      return !head.has_value();
    case Expected::Kind::kExists:
      return head.has_value();
    case Expected::Kind::kVersion:
      return head == expected.version;
  }
  BITACORA_CHECK(false, "an Expected::Kind that is none");
}

Verdict Admit(const Attempt& attempt, std::optional<Version> head,
              const std::optional<Remembered>& known) {
  if (known) {
    return known->fingerprint == attempt.fingerprint ? Verdict::kDuplicate : Verdict::kKeyReused;
  }
  return Meets(attempt.expected, head) ? Verdict::kAdmitted : Verdict::kConflict;
}

Chain NextChain(const Chain& previous, const StoredRecord& record) {
  return NextChain(previous, record, ReadMeaning(record));
}

std::optional<FoldStep> FoldRecord(const StoredRecord& record, Partition self, PartitionFold* fold,
                                   StreamLookup& lookup) {
  BITACORA_CHECK(record.offset >= fold->next, "offset " + std::to_string(record.offset.value) +
                                                  " after " + std::to_string(fold->next.value));
  const RecordMeaning meaning = ReadMeaning(record);
  if (std::holds_alternative<NeedsNewerRule>(meaning)) return std::nullopt;
  const FoldStep step = StepOf(record, meaning, self, fold, lookup);
  fold->chain = NextChain(fold->chain, record, meaning);
  fold->next = record.offset.Next();
  return step;
}

Record MakeAttempt(const StreamName& stream, const AppendId& append_id, const Expected& expected,
                   std::uint32_t count, const Fingerprint& fingerprint) {
  BITACORA_CHECK(count >= 1 && count <= kEventsPerRecordMax, std::to_string(count) + " events");
  Record record;
  record.key = stream.str();
  record.headers.reserve(16);  // Ours, and those of the event that is encoded into it.
  record.headers.push_back({std::string(kRuleHeader), std::to_string(kAdmitRule)});
  record.headers.push_back({std::string(kAppendHeader), append_id.str()});
  if (expected.kind != Expected::Kind::kAny) {
    record.headers.push_back({std::string(kExpectedHeader), FormatExpected(expected)});
  }
  record.headers.push_back({std::string(kCountHeader), std::to_string(count)});
  record.headers.push_back({std::string(kFingerprintHeader), HexEncode(AsView(fingerprint))});
  return record;
}

Record MakeGenesis(const Genesis& genesis) {
  BITACORA_CHECK(IsUuid(genesis.log_id), genesis.log_id);
  BITACORA_CHECK(genesis.partitions >= 1 && genesis.partitions <= kPartitionsMax,
                 std::to_string(genesis.partitions) + " partitions");
  Record record;
  record.headers.push_back({std::string(kRuleHeader), std::to_string(genesis.rule)});
  record.headers.push_back(
      {std::string(kGenesisHeader), genesis.log_id + " " + std::to_string(genesis.partitions)});
  return record;
}

}  // namespace bitacora
