#include "src/record_codec.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store {
namespace {

// Key and value may be absent, which is not the same as empty.
constexpr std::uint64_t kHasKey = 1;
constexpr std::uint64_t kIsTombstone = 2;

/// A header that nearly every record has, by its place here and not by its name; and where it has a
/// value here, by that too. Bytes that outlive the process: docs/formats.md, "Body".
struct KnownHeader {
  std::string_view name;
  std::string_view value = {};  ///< Empty: any.
};
constexpr std::array<KnownHeader, 17> kKnownHeaders{{
    {"bitacora_rule", "1"},
    {"bitacora_append"},
    {"bitacora_expected"},
    {"bitacora_count", "1"},
    {"bitacora_count"},
    {"bitacora_fingerprint"},
    {"traceparent"},
    {"content-type", "application/json"},
    {"content-type"},
    {"ce_specversion", "1.0"},
    {"ce_id"},
    {"ce_type"},
    {"ce_source"},
    {"ce_subject"},
    {"ce_time"},
    {"ce_dataschema"},
    {"bitacora_genesis"},
}};

void PutHeader(std::string* out, std::string_view name, std::string_view value) {
  for (std::size_t i = 0; i < kKnownHeaders.size(); ++i) {
    const KnownHeader& known = kKnownHeaders[i];
    if (name != known.name || !(known.value.empty() || value == known.value)) continue;
    PutVarint(out, i + 1);
    if (known.value.empty()) PutBytes(out, value);
    return;
  }
  PutVarint(out, 0);
  PutBytes(out, name);
  PutBytes(out, value);
}

/// False: there is no such header.
bool TakeHeader(Decoder* in, RecordHeaderView* header) {
  const std::uint64_t number = in->Varint();
  if (number > kKnownHeaders.size()) return false;
  if (number == 0) {
    header->name = in->Bytes();
    header->value = in->Bytes();
    return true;
  }
  const KnownHeader& known = kKnownHeaders[static_cast<std::size_t>(number) - 1];
  header->name = known.name;
  header->value = known.value.empty() ? in->Bytes() : known.value;
  return true;
}

template <typename Headers>
void PutBody(std::string* out, const std::optional<std::string_view>& key, bool is_tombstone,
             std::string_view value, const Headers& headers) {
  std::size_t size = 24 + value.size() + (key ? key->size() : 0);
  for (const auto& header : headers) size += 6 + header.name.size() + header.value.size();
  out->reserve(out->size() + size);
  PutVarint(out, (key ? kHasKey : 0) | (is_tombstone ? kIsTombstone : 0));
  if (key) PutBytes(out, *key);
  if (!is_tombstone) PutBytes(out, value);
  PutVarint(out, headers.size());
  for (const auto& header : headers) PutHeader(out, header.name, header.value);
}

}  // namespace

std::string EncodeBody(const Record& record) {
  std::optional<std::string_view> key;
  if (record.key) key = *record.key;
  std::string body;
  PutBody(&body, key, false, record.value, record.headers);
  return body;
}

bool DecodeBody(std::string_view body, StoredRecord* record) {
  Decoder in(body);
  const std::uint64_t flags = in.Varint();
  if ((flags & ~(kHasKey | kIsTombstone)) != 0) return false;
  record->is_tombstone = (flags & kIsTombstone) != 0;
  record->key.reset();
  if ((flags & kHasKey) != 0) record->key = in.Bytes();
  record->value = record->is_tombstone ? std::string_view() : in.Bytes();
  const std::uint64_t headers = in.Varint();
  // A header is at least one byte: a damaged count must not reserve memory.
  if (!in.ok() || headers > in.rest().size()) return false;
  record->headers.clear();
  record->headers.reserve(std::min<std::size_t>(headers, kKnownHeaders.size()));
  for (std::uint64_t i = 0; i < headers; ++i) {
    if (!TakeHeader(&in, &record->headers.emplace_back())) return false;
  }
  return in.done();
}

std::string EncodeRecord(const StoredRecord& record) {
  std::string out;
  PutVarint(&out, static_cast<std::uint64_t>(record.timestamp_ms));
  PutBody(&out, record.key, record.is_tombstone, record.value, record.headers);
  return out;
}

std::optional<StoredRecord> DecodeRecord(Offset offset, std::string_view bytes,
                                         std::shared_ptr<const void> owner) {
  Decoder in(bytes);
  StoredRecord record;
  record.offset = offset;
  record.timestamp_ms = static_cast<std::int64_t>(in.Varint());
  if (!in.ok() || !DecodeBody(in.rest(), &record)) return std::nullopt;
  record.bytes = std::move(owner);
  return record;
}

}  // namespace bitacora::event_store
