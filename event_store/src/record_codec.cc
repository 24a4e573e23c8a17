#include "src/record_codec.h"

#include <bitacora/base/encoding.h>

#include <memory>
#include <string_view>
#include <utility>

namespace bitacora::event_store {
namespace {

// Key and value may be absent, which is not the same as empty.
constexpr std::uint64_t kHasKey = 1;
constexpr std::uint64_t kIsTombstone = 2;

template <typename Headers>
std::string Encode(std::int64_t timestamp_ms, const std::optional<std::string_view>& key,
                   bool is_tombstone, std::string_view value, const Headers& headers) {
  std::string out;
  out.reserve(value.size() + 512);
  PutVarint(&out, static_cast<std::uint64_t>(timestamp_ms));
  PutVarint(&out, (key ? kHasKey : 0) | (is_tombstone ? kIsTombstone : 0));
  if (key) PutBytes(&out, *key);
  if (!is_tombstone) PutBytes(&out, value);
  PutVarint(&out, headers.size());
  for (const auto& header : headers) {
    PutBytes(&out, header.name);
    PutBytes(&out, header.value);
  }
  return out;
}

}  // namespace

std::string EncodeRecord(std::int64_t timestamp_ms, const Record& record) {
  std::optional<std::string_view> key;
  if (record.key) key = *record.key;
  return Encode(timestamp_ms, key, false, record.value, record.headers);
}

std::string EncodeRecord(const StoredRecord& record) {
  return Encode(record.timestamp_ms, record.key, record.is_tombstone, record.value, record.headers);
}

std::optional<StoredRecord> DecodeRecord(Offset offset, std::string bytes) {
  auto owned = std::make_shared<const std::string>(std::move(bytes));
  Decoder in(*owned);
  StoredRecord record;
  record.offset = offset;
  record.timestamp_ms = static_cast<std::int64_t>(in.Varint());
  const std::uint64_t flags = in.Varint();
  record.is_tombstone = (flags & kIsTombstone) != 0;
  if ((flags & kHasKey) != 0) record.key = in.Bytes();
  if (!record.is_tombstone) record.value = in.Bytes();
  const std::uint64_t headers = in.Varint();
  if (!in.ok() || headers > in.rest().size()) return std::nullopt;
  record.headers.reserve(static_cast<std::size_t>(headers));
  for (std::uint64_t i = 0; i < headers; ++i) {
    const std::string_view name = in.Bytes();
    record.headers.push_back({name, in.Bytes()});
  }
  if (!in.done()) return std::nullopt;
  record.bytes = std::move(owned);
  return record;
}

}  // namespace bitacora::event_store
