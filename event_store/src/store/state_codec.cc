#include "src/store/state_codec.h"

#include <algorithm>
#include <array>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store {
namespace {

void PutNumber(std::string* out, std::int64_t value) {
  PutVarint(out, static_cast<std::uint64_t>(value));
}
std::int64_t TakeNumber(Decoder* in) { return static_cast<std::int64_t>(in->Varint()); }

/// Nothing, or a number from 0: stored as 0, or the number plus one.
void PutOptional(std::string* out, std::optional<std::int64_t> value) {
  PutNumber(out, value ? *value + 1 : 0);
}
std::optional<std::int64_t> TakeOptional(Decoder* in) {
  const std::int64_t stored = TakeNumber(in);
  return stored == 0 ? std::nullopt : std::optional(stored - 1);
}

template <std::size_t kSize>
void PutArray(std::string* out, const std::array<std::uint8_t, kSize>& bytes) {
  out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
template <std::size_t kSize>
void TakeArray(Decoder* in, std::array<std::uint8_t, kSize>* bytes) {
  const std::string_view raw = in->Raw(kSize);
  if (raw.size() == kSize) std::copy(raw.begin(), raw.end(), bytes->begin());
}

template <typename Number>
std::optional<std::int64_t> Plain(const std::optional<Number>& number) {
  return number ? std::optional(number->value) : std::nullopt;
}
template <typename Number>
std::optional<Number> Named(const std::optional<std::int64_t>& number) {
  return number ? std::optional(Number(*number)) : std::nullopt;
}

/// Where the length of an append id would be, none being so short. The version comes before the id:
/// ids by time stand together, whatever others there are.
constexpr char kUuidFollows = 0;
constexpr char kByTime = 7;

char VersionOf(const std::array<std::uint8_t, 16>& uuid) { return static_cast<char>(uuid[6] >> 4); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// What MakeUuidV7 and MakeUuidV4 write, as bytes; nothing for any other text, so that each text
/// has bytes of its own.
std::optional<std::array<std::uint8_t, 16>> BytesOfUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::array<std::uint8_t, 16> bytes;
  std::size_t at = 0;
  for (std::uint8_t& byte : bytes) {
    if ((at == 8 || at == 13 || at == 18 || at == 23) && text[at++] != '-') return std::nullopt;
    const int high = HexDigit(text[at]);
    const int low = HexDigit(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    byte = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return bytes;
}

}  // namespace

std::string PartitionPrefix(const PartitionKey& partition) {
  std::string key;
  key.reserve(8);
  PutBigEndian32(&key, partition.topic);
  PutBigEndian32(&key, static_cast<std::uint32_t>(partition.partition));
  return key;
}

std::string StreamPrefix(const PartitionKey& partition, std::string_view stream) {
  std::string key = PartitionPrefix(partition);
  PutBytes(&key, stream);
  return key;
}

std::string AppendKey(const PartitionKey& partition, std::string_view stream,
                      std::string_view append_id) {
  std::string key;
  key.reserve(32 + stream.size() + append_id.size());
  PutBigEndian32(&key, partition.topic);
  PutBigEndian32(&key, static_cast<std::uint32_t>(partition.partition));
  if (const auto uuid = BytesOfUuid(append_id)) {
    key.push_back(kUuidFollows);
    key.push_back(VersionOf(*uuid));
    key.append(reinterpret_cast<const char*>(uuid->data()), uuid->size());
  } else {
    PutBytes(&key, append_id);
  }
  key.append(stream);
  return key;
}

std::string TimedIdPrefix(const PartitionKey& partition) {
  std::string key = PartitionPrefix(partition);
  key.push_back(kUuidFollows);
  key.push_back(kByTime);
  return key;
}

std::string_view TimedIdOf(std::string_view append_key) {
  constexpr std::size_t kPrefixBytes = 8 + 2;
  if (append_key.size() < kPrefixBytes + 16 || append_key[8] != kUuidFollows ||
      append_key[9] != kByTime) {
    return {};
  }
  return append_key.substr(0, kPrefixBytes + 16);
}

std::string EncodePartitionState(const PartitionState& state) {
  std::string out;
  const PartitionFold& fold = state.fold;
  PutBytes(&out, fold.genesis ? fold.genesis->log_id : std::string());
  PutNumber(&out, fold.genesis ? fold.genesis->partitions : 0);
  PutVarint(&out, fold.genesis ? fold.genesis->rule : 0);
  PutNumber(&out, fold.next.value);
  PutArray(&out, fold.chain);
  for (const std::int64_t count : {fold.events, fold.attempts, fold.unreadable, fold.misplaced}) {
    PutNumber(&out, count);
  }
  PutOptional(&out, Plain(state.last));
  PutArray(&out, state.chain_before_last);
  return out;
}

std::optional<PartitionState> DecodePartitionState(std::string_view bytes) {
  Decoder in(bytes);
  PartitionState state;
  Genesis genesis;
  genesis.log_id = in.Bytes();
  genesis.partitions = static_cast<std::int32_t>(in.Varint());
  genesis.rule = in.Varint();
  if (!genesis.log_id.empty()) state.fold.genesis = std::move(genesis);
  state.fold.next = Offset(TakeNumber(&in));
  TakeArray(&in, &state.fold.chain);
  for (std::int64_t* count :
       {&state.fold.events, &state.fold.attempts, &state.fold.unreadable, &state.fold.misplaced}) {
    *count = TakeNumber(&in);
  }
  state.last = Named<Offset>(TakeOptional(&in));
  TakeArray(&in, &state.chain_before_last);
  return in.done() ? std::optional(std::move(state)) : std::nullopt;
}

std::string EncodeRemembered(const Remembered& remembered) {
  std::string out;
  out.reserve(32);
  PutArray(&out, remembered.fingerprint);
  // One number says both whether it was admitted and how many events it has.
  PutVarint(&out, remembered.admitted ? remembered.count : 0);
  if (remembered.admitted) PutNumber(&out, remembered.first_version.value);
  PutOptional(&out, Plain(remembered.head));
  PutNumber(&out, remembered.offset.value);
  return out;
}

std::optional<Remembered> DecodeRemembered(std::string_view bytes) {
  Decoder in(bytes);
  Remembered remembered;
  TakeArray(&in, &remembered.fingerprint);
  remembered.count = static_cast<std::uint32_t>(in.Varint());
  remembered.admitted = remembered.count > 0;
  if (remembered.admitted) remembered.first_version = Version(TakeNumber(&in));
  remembered.head = Named<Version>(TakeOptional(&in));
  remembered.offset = Offset(TakeNumber(&in));
  return in.done() ? std::optional(remembered) : std::nullopt;
}

std::string EncodeAppendPlace(const AppendPlace& place) {
  std::string out;
  PutNumber(&out, place.offset.value);
  PutVarint(&out, place.count);
  PutNumber(&out, place.offset.value - place.run.value);
  return out;
}

std::optional<AppendPlace> DecodeAppendPlace(std::string_view bytes) {
  Decoder in(bytes);
  AppendPlace place;
  place.offset = Offset(TakeNumber(&in));
  place.count = static_cast<std::uint32_t>(in.Varint());
  place.run = Offset(place.offset.value - TakeNumber(&in));
  return in.done() ? std::optional(place) : std::nullopt;
}

void AdmittedRun::Add(Offset offset, Version first_version, std::uint32_t count, std::string copy) {
  PutNumber(&entries_, offset.value - last_.value);
  PutNumber(&entries_, first_version.value);
  PutVarint(&entries_, count);
  PutVarint(&entries_, copy.size());
  if (copies_.empty()) {
    copies_ = std::move(copy);
  } else {
    copies_.append(copy);
  }
  last_ = offset;
  ++records_;
}

std::string AdmittedRun::Encode(const std::optional<CopyPlace>& copies_at) const {
  // No copies are in file 0.
  std::string row;
  PutVarint(&row, copies_at ? copies_at->file : 0);
  if (copies_at) PutVarint(&row, copies_at->at);
  return row + entries_;
}

std::optional<AdmittedRow> DecodeAdmittedRow(Offset first, std::string_view bytes) {
  AdmittedRow row;
  Decoder in(bytes);
  if (const std::uint64_t file = in.Varint(); file > 0) row.copies_at = {file, in.Varint()};
  row.entries.reserve(AdmittedRun::kRecordsMax);
  Offset last = first;
  while (in.ok() && !in.done() && row.entries.size() < AdmittedRun::kRecordsMax) {
    AdmittedEntry& entry = row.entries.emplace_back();
    entry.offset = last = Offset(last.value + TakeNumber(&in));
    entry.first_version = Version(TakeNumber(&in));
    entry.count = static_cast<std::uint32_t>(in.Varint());
    entry.copy_bytes = in.Varint();
  }
  return in.done() ? std::optional(std::move(row)) : std::nullopt;
}

}  // namespace bitacora::event_store
