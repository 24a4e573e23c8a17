#include "src/embedded/format.h"

#include <cstring>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store::embedded {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr char kFormatRow = 'f';
constexpr char kLogIdRow = 'i';
constexpr char kTopicRow = 't';

constexpr std::uint8_t kStampedRecord = 1;  ///< First byte of a stored value.

std::string CatalogKey(char row) {
  std::string key;
  PutBigEndian32(&key, 0);
  key.push_back(row);
  return key;
}

/// Both halves of the product, folded: each bit of the answer depends on all bits of both.
std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Odd numbers with about as many ones as zeros: the golden ratio and the square roots of 2, 3
// and 5.
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kRoot2 = 0x6A09E667F3BCC909;
constexpr std::uint64_t kRoot3 = 0xBB67AE8584CAA73B;
constexpr std::uint64_t kRoot5 = 0x3C6EF372FE94F82B;

std::uint64_t LittleEndian(const char* at, std::size_t size) {
  std::uint64_t word = 0;
  if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
    std::memcpy(&word, at, size);
  } else {
    for (std::size_t i = size; i > 0; --i) {
      word = word << 8 | static_cast<unsigned char>(at[i - 1]);
    }
  }
  return word;
}

}  // namespace

std::string FormatKey() { return CatalogKey(kFormatRow); }
std::string LogIdKey() { return CatalogKey(kLogIdRow); }
std::string TopicKey(const TopicName& topic) { return CatalogKey(kTopicRow) + topic.str(); }

std::string_view TopicKeyPrefix() {
  static const std::string prefix = CatalogKey(kTopicRow);
  return prefix;
}

std::string RecordKey(TopicNumber topic, Partition partition, Offset offset) {
  std::string key;
  key.reserve(kRecordKeyBytes);
  PutBigEndian32(&key, topic.value);
  PutBigEndian32(&key, static_cast<std::uint32_t>(partition.value));
  PutBigEndian64(&key, static_cast<std::uint64_t>(offset.value));
  return key;
}

std::string EncodeTopicRow(const TopicRow& row) {
  std::string value;
  PutVarint(&value, row.number.value);
  PutVarint(&value, static_cast<std::uint64_t>(row.partitions));
  PutBytes(&value, row.incarnation);
  return value;
}

Result<TopicRow> DecodeTopicRow(std::string_view key, std::string_view value) {
  Decoder decoder(value);
  const std::uint64_t number = decoder.Varint();
  const std::uint64_t partitions = decoder.Varint();
  const std::string_view incarnation = decoder.Bytes();
  auto name = ParseTopicName(key.substr(TopicKeyPrefix().size()));
  if (!decoder.done() || !name.ok() || number < 1 || number > UINT32_MAX || partitions < 1 ||
      partitions > 64) {
    return Error(ErrorCode::kCorruption, "the catalog of topics is not readable", "log-damaged");
  }
  return TopicRow{std::move(*name), TopicNumber(static_cast<std::uint32_t>(number)),
                  static_cast<std::int32_t>(partitions), std::string(incarnation)};
}

std::uint64_t DigestOfBody(std::string_view body) { return HashOf(body, kRoot2); }

std::uint64_t NextChain(std::uint64_t chain_before, Offset offset, std::int64_t time_ms,
                        std::uint64_t body_digest) {
  const std::uint64_t place = Fold(static_cast<std::uint64_t>(offset.value) ^ kRoot3,
                                   static_cast<std::uint64_t>(time_ms) ^ kRoot5);
  return Fold(chain_before ^ body_digest ^ kGolden, place ^ body_digest ^ kRoot2);
}

void PutStamp(const Stamp& stamp, std::string* out) {
  out->push_back(static_cast<char>(kStampedRecord));
  PutBigEndian64(out, stamp.chain);
  PutBigEndian64(out, static_cast<std::uint64_t>(stamp.time_ms));
  PutVarint(out, static_cast<std::uint64_t>(stamp.latest_time_ms - stamp.time_ms));
}

Result<DecodedValue> SplitValue(std::string_view value) {
  Decoder decoder(value);
  const std::string_view kind = decoder.Raw(1);
  DecodedValue decoded;
  decoded.stamp.chain = decoder.BigEndian64();
  decoded.stamp.time_ms = static_cast<std::int64_t>(decoder.BigEndian64());
  const auto behind = static_cast<std::int64_t>(decoder.Varint());
  if (!decoder.ok() || static_cast<std::uint8_t>(kind[0]) != kStampedRecord || behind < 0 ||
      decoded.stamp.time_ms > INT64_MAX - behind) {
    return Error(ErrorCode::kCorruption, "a record's value is not readable", "log-damaged");
  }
  decoded.stamp.latest_time_ms = decoded.stamp.time_ms + behind;
  decoded.body = decoder.rest();
  return decoded;
}

std::uint64_t HashOf(std::string_view bytes, std::uint64_t seed) {
  // Two words at a time, then the rest padded with zeros; the length makes padding unambiguous.
  std::uint64_t hash = seed ^ Fold(bytes.size() ^ kGolden, kRoot3);
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; at += 16, left -= 16) {
    hash = Fold(hash ^ LittleEndian(at, 8) ^ kRoot5, LittleEndian(at + 8, 8) ^ kGolden);
  }
  if (left > 0) {
    const std::uint64_t low = LittleEndian(at, left < 8 ? left : 8);
    const std::uint64_t high = left > 8 ? LittleEndian(at + 8, left - 8) : 0;
    hash = Fold(hash ^ low ^ kRoot5, high ^ kGolden);
  }
  return Fold(hash ^ kRoot2, kGolden);
}

}  // namespace bitacora::event_store::embedded
