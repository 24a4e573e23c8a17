#include <random>
#include <string>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/position.h>

#include "support/seed.h"

namespace bitacora {
namespace {

Position PositionOf(std::map<Partition, PartitionPosition> next) {
  return Position{0xC0FFEE01, std::move(next)};
}

Position RandomPosition(std::mt19937_64& random) {
  Position position;
  position.log_tag = static_cast<std::uint32_t>(random());
  const std::size_t entries = testing::Below(random, 70);
  for (std::size_t i = 0; i < entries; ++i) {
    const Partition partition(static_cast<std::int32_t>(testing::Below(random, 80)));
    const auto offset = static_cast<std::int64_t>(random() >> (1 + testing::Below(random, 63)));
    const std::size_t index = testing::Below(random, 5) == 0 ? testing::Below(random, 1000) : 0;
    position.next[partition] = {Offset(offset), static_cast<std::int32_t>(index)};
  }
  return position;
}

/// A token may be refused, or it is the one token of its position.
void ExpectRefusedOrCanonical(const std::string& token) {
  const Result<Position> position = ParsePosition(token);
  if (position.ok()) {
    EXPECT_EQ(FormatPosition(*position), token);
  } else {
    EXPECT_EQ(position.error().reason(), "malformed-position");
  }
}

TEST(APosition, ComesBackFromItsToken) {
  const std::vector<Position> positions{
      PositionOf({}), PositionOf({{Partition(0), {Offset(0), 0}}}),
      PositionOf({{Partition(7), {Offset(INT64_MAX), 999}}}),
      PositionOf({{Partition(0), {Offset(1), 0}}, {Partition(1), {Offset(2), 1}}}),
      PositionOf({{Partition(3), {Offset(1), 0}}, {Partition(1023), {Offset(2), 1}}})};
  for (const Position& position : positions) {
    const Result<Position> back = ParsePosition(FormatPosition(position));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, position);
  }
}

TEST(APosition, ComesBackFromItsTokenWhateverItIs) {
  const std::uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const Position position = RandomPosition(random);
    const Result<Position> back = ParsePosition(FormatPosition(position));
    ASSERT_TRUE(back.ok()) << "seed " << seed;
    ASSERT_EQ(*back, position) << "seed " << seed;
  }
}

TEST(APosition, HasTheTokenThatTheFormatsPageShows) {
  const Position position =
      PositionOf({{Partition(0), {Offset(5), 0}}, {Partition(2), {Offset(300), 7}}});
  EXPECT_EQ(HexEncode(*Base64UrlDecode(FormatPosition(position))), "01c0ffee0100010a0101d90407");
}

TEST(ATokenOf64Partitions, HasAtMost440Characters) {
  Position position{0xFFFFFFFF, {}};
  for (std::int32_t partition = 0; partition < 64; ++partition) {
    position.next[Partition(partition)] = {Offset((std::int64_t{1} << 34) - 1 - partition), 0};
  }
  position.next[Partition(40)].index = 999;
  EXPECT_LE(FormatPosition(position).size(), 440u);
}

TEST(ATokenThatWasCut, IsRefusedOrAnotherToken) {
  const std::string token = FormatPosition(PositionOf({{Partition(0), {Offset(77), 0}},
                                                       {Partition(1), {Offset(1 << 20), 3}},
                                                       {Partition(9), {Offset(123456789), 0}}}));
  for (std::size_t size = 0; size < token.size(); ++size) {
    ExpectRefusedOrCanonical(token.substr(0, size));
    ExpectRefusedOrCanonical(token.substr(size));
  }
}

TEST(ATokenWithAFlippedBit, IsRefusedOrAnotherToken) {
  const std::string token = FormatPosition(PositionOf({{Partition(0), {Offset(77), 0}},
                                                       {Partition(1), {Offset(1 << 20), 3}},
                                                       {Partition(9), {Offset(123456789), 0}}}));
  const std::string bytes = *Base64UrlDecode(token);
  for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
    std::string flipped = token;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ExpectRefusedOrCanonical(flipped);
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ExpectRefusedOrCanonical(Base64UrlEncode(flipped));
  }
}

TEST(ATokenNobodyGaveOut, IsRefused) {
  const auto token = [](std::string_view hex) { return Base64UrlEncode(*HexDecode(hex)); };
  const std::vector<std::string> tokens{
      "",
      "x",
      "AQ",
      "earliest",
      FormatPosition(PositionOf({})) + "=",
      token("02c0ffee01"),                              // another format
      token("01c0ffee010001"),                          // no entry where one is announced
      token("01c0ffee010000"),                          // an empty run
      token("01c0ffee0100010a00010a"),                  // a run that should be part of the last
      token("01c0ffee0100010b00"),                      // an index of 0, written
      token("01c0ffee0100010be807"),                    // an index of 1,000
      token("01c0ffee010001808000"),                    // a number longer than it need be
      token("01c0ffee0180080102"),                      // partition 1,024
      token("01c0ffee010081080000"),                    // 1,025 partitions
      token("01c0ffee01ffffffffffffffffff010101"),      // a gap of 2^64 - 1
      token("01c0ffee010001ffffffffffffffffffff0101"),  // more than 64 bits
      std::string(20'000, 'A')};
  for (const std::string& text : tokens) {
    const Result<Position> position = ParsePosition(text);
    ASSERT_FALSE(position.ok()) << text;
    EXPECT_EQ(position.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(TheTagOfALog, TellsLogsApart) {
  EXPECT_EQ(TagOfLog("abc"), 0xBA7816BFu);  // SHA-256 of "abc", FIPS 180-2.
  EXPECT_NE(TagOfLog("5f0c3a52-9d1b-4c86-8a53-0d7f6f2b9e11"),
            TagOfLog("5f0c3a52-9d1b-4c86-8a53-0d7f6f2b9e12"));
}

}  // namespace
}  // namespace bitacora
