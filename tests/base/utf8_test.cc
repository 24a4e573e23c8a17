#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>

namespace bitacora {
namespace {

using std::string_literals::operator""s;

/// Unicode 15, table 3-7: the ranges of each byte of a well-formed sequence.
struct Row {
  struct Range {
    unsigned first;
    unsigned last;
    bool Has(unsigned byte) const { return byte >= first && byte <= last; }
  };
  std::size_t size;
  Range lead;
  Range second;
};
constexpr Row kTable[] = {
    {1, {0x00, 0x7F}, {0x00, 0xFF}}, {2, {0xC2, 0xDF}, {0x80, 0xBF}},
    {3, {0xE0, 0xE0}, {0xA0, 0xBF}}, {3, {0xE1, 0xEC}, {0x80, 0xBF}},
    {3, {0xED, 0xED}, {0x80, 0x9F}}, {3, {0xEE, 0xEF}, {0x80, 0xBF}},
    {4, {0xF0, 0xF0}, {0x90, 0xBF}}, {4, {0xF1, 0xF3}, {0x80, 0xBF}},
    {4, {0xF4, 0xF4}, {0x80, 0x8F}},
};

/// What the table says of a sequence whose third and fourth byte are good.
std::size_t SizeByTheTable(unsigned lead, unsigned second) {
  for (const Row& row : kTable) {
    if (row.lead.Has(lead) && row.second.Has(second)) return row.size;
  }
  return 0;
}

TEST(AUtf8Sequence, IsAsLongAsTheTableOfUnicodeSays) {
  for (unsigned lead = 0; lead < 256; ++lead) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(lead), static_cast<char>(second), '\x80', '\xBF'};
      EXPECT_EQ(Utf8SequenceSize(text), SizeByTheTable(lead, second)) << lead << " " << second;
    }
  }
}

TEST(AUtf8Sequence, ContinuesWithContinuationBytesOnly) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool continues = byte >= 0x80 && byte <= 0xBF;
    const char last = static_cast<char>(byte);
    EXPECT_EQ(Utf8SequenceSize("\xE2\x82"s + last), continues ? 3U : 0U) << byte;
    EXPECT_EQ(Utf8SequenceSize("\xF0\x9F"s + last + "\x80"), continues ? 4U : 0U) << byte;
    EXPECT_EQ(Utf8SequenceSize("\xF0\x9F\x98"s + last), continues ? 4U : 0U) << byte;
  }
}

TEST(AUtf8Sequence, ThatIsCutOffIsNone) {
  for (const std::string_view whole : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    EXPECT_EQ(Utf8SequenceSize(whole), whole.size());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(Utf8SequenceSize(whole.substr(0, size)), 0U);
    }
  }
}

TEST(Utf8Text, IsMadeOfWholeSequences) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("order-1"));
  EXPECT_TRUE(IsUtf8("a\0b"s));
  EXPECT_TRUE(IsUtf8("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"));
  EXPECT_TRUE(
      IsUtf8("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"));  // beside the surrogates; the last
}

TEST(Utf8Text, WithOneBadSequenceAnywhereIsNone) {
  for (const std::string& bad : {"\xFF"s, "\x80"s, "\xC0\xAF"s, "\xE0\x80\xAF"s, "\xED\xA0\x80"s,
                                 "\xF4\x90\x80\x80"s, "\xF8\x88\x80\x80\x80"s, "\xC3"s}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_FALSE(IsUtf8("before" + bad));
    EXPECT_FALSE(IsUtf8(bad + "after"));
  }
}

}  // namespace
}  // namespace bitacora
