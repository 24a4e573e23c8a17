#include <string>

#include <gtest/gtest.h>

#include <bitacora/domain/record.h>

namespace bitacora {
namespace {

TEST(ThePartitionOfAKey, IsTheOneKafkasJavaClientChooses) {
  // murmur2 as signed 32 bits, from the tests of Kafka's client library.
  const std::pair<std::string, std::int32_t> known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  for (const auto& [key, hash] : known) {
    const std::int32_t positive = hash & 0x7FFFFFFF;
    for (const std::int32_t partitions : {1, 2, 3, 8, 64, 1'000'003}) {
      EXPECT_EQ(PartitionOf(key, partitions), Partition(positive % partitions)) << key;
    }
  }
}

TEST(ThePartitionOfAKey, IsInRangeForAnyBytes) {
  std::string key;
  for (int i = 0; i < 300; ++i) {
    const Partition partition = PartitionOf(key, 7);
    EXPECT_GE(partition.value, 0);
    EXPECT_LT(partition.value, 7);
    key.push_back(static_cast<char>(255 - i % 256));
  }
}

TEST(AStoredRecord, KeepsItsBytesInEveryCopy) {
  StoredRecord copy;
  {
    const StoredRecord stored = MakeStoredRecord(
        Offset(3), 17, Record{std::string(100, 'k'), std::string(1000, 'v'), {{"name", "text"}}});
    copy = stored;
  }
  EXPECT_EQ(copy.key, std::string(100, 'k'));
  EXPECT_EQ(copy.value, std::string(1000, 'v'));
  EXPECT_EQ(copy.FindHeader("name"), "text");
  EXPECT_EQ(copy.offset, Offset(3));
  EXPECT_EQ(copy.timestamp_ms, 17);
}

TEST(AHeader, IsFoundOnlyWhereItStandsOnce) {
  const StoredRecord stored =
      MakeStoredRecord(Offset(0), 0, Record{{}, {}, {{"a", "1"}, {"b", "2"}, {"b", "2"}}});
  EXPECT_EQ(stored.FindHeader("a"), "1");
  EXPECT_EQ(stored.FindHeader("b"), std::nullopt);
  EXPECT_EQ(stored.FindHeader("A"), std::nullopt);
}

}  // namespace
}  // namespace bitacora
