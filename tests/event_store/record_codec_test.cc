#include "src/record_codec.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::event_store {
namespace {

using ::testing::IsEmpty;

/// What comes back of these headers, as a record that may be written has them.
std::vector<RecordHeader> ThroughBytes(const std::vector<RecordHeader>& headers) {
  const std::string body = EncodeBody({"key", "value", headers});
  StoredRecord record;
  EXPECT_TRUE(DecodeBody(body, &record));
  EXPECT_EQ(record.key, "key");
  EXPECT_EQ(record.value, "value");
  std::vector<RecordHeader> found;
  for (const RecordHeaderView& header : record.headers) {
    found.push_back({std::string(header.name), std::string(header.value)});
  }
  return found;
}

TEST(TheBodyOfARecord, KeepsEveryHeaderInItsPlace) {
  const std::vector<RecordHeader> headers{
      {"bitacora_rule", "1"},
      {"bitacora_append", "a-1"},
      {"bitacora_expected", "new"},
      {"bitacora_count", "1"},
      {"bitacora_fingerprint", "00112233445566778899aabbccddeeff"},
      {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
      {"content-type", "application/json"},
      {"ce_specversion", "1.0"},
      {"ce_id", "e-1"},
      {"ce_type", "OrderPlaced"},
      {"ce_source", "/orders"},
      {"ce_subject", "o-1"},
      {"ce_time", "2026-03-01T12:00:00Z"},
      {"ce_dataschema", "https://example.com/schema"},
      {"bitacora_genesis", "log 8"},
  };
  EXPECT_EQ(ThroughBytes(headers), headers);
}

TEST(TheBodyOfARecord, KeepsHeadersThatAreLikeKnownOnes) {
  const std::vector<RecordHeader> headers{
      {"bitacora_rule", "2"},
      {"bitacora_rule", ""},
      {"bitacora_count", "1000"},
      {"content-type", ""},
      {"ce_specversion", "2.0"},
      {"ce_id", ""},
      {"ce_extension", "value"},
      {"", ""},
      {"Content-Type", "application/json"},
      {"ce_id", "again"},
  };
  EXPECT_EQ(ThroughBytes(headers), headers);
}

TEST(TheBodyOfARecord, MayHaveNoHeaders) { EXPECT_THAT(ThroughBytes({}), IsEmpty()); }

TEST(TheBodyOfARecord, IsWhatTheFormatSays) {
  // docs/formats.md: names of 4 come with their value, of 11 without, and 0 has all written out.
  EXPECT_EQ(EncodeBody({"k", "v", {{"bitacora_count", "1"}, {"ce_id", "e"}, {"x", "y"}}}),
            std::string("\x01\x01k\x01v\x03\x04\x0b\x01"
                        "e\x00\x01x\x01y",
                        15));
}

TEST(TheBodyOfARecord, IsRefusedWhereAHeaderIsNone) {
  StoredRecord record;
  EXPECT_TRUE(DecodeBody(std::string_view("\x00\x01v\x01\x11\x01g", 7), &record));
  EXPECT_FALSE(DecodeBody(std::string_view("\x00\x01v\x01\x12\x01g", 7), &record));  // 18.
  EXPECT_FALSE(DecodeBody(std::string_view("\x00\x01v\x02\x0b\x01g", 7), &record));  // Cut off.
  EXPECT_FALSE(DecodeBody(std::string_view("\x00\x01v\x7f\x01", 5), &record));
}

}  // namespace
}  // namespace bitacora::event_store
