#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>

namespace bitacora {
namespace {

using std::string_literals::operator""s;

constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

std::string VarintOf(std::uint64_t value) {
  std::string out;
  PutVarint(&out, value);
  return out;
}

std::string BigEndianOf(std::uint64_t value) {
  std::string out;
  PutBigEndian64(&out, value);
  return out;
}

std::vector<std::uint64_t> NumbersAtTheEdges() {
  std::vector<std::uint64_t> numbers{0};
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    numbers.insert(numbers.end(), {power - 1, power, power + 1});
  }
  numbers.push_back(kMax64);
  return numbers;
}

TEST(BigEndianNumbers, AreWrittenMostSignificantByteFirst) {
  std::string out;
  PutBigEndian32(&out, 0x01020304);
  PutBigEndian64(&out, 0x05060708090A0B0C);
  EXPECT_EQ(out, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C");
}

TEST(BigEndianNumbers, SortAsBytesLikeTheirValues) {
  const auto numbers = NumbersAtTheEdges();
  for (const std::uint64_t a : numbers) {
    for (const std::uint64_t b : numbers) EXPECT_EQ(BigEndianOf(a) < BigEndianOf(b), a < b);
  }
}

TEST(BigEndianNumbers, ComeBackAsTheyWere) {
  for (const std::uint64_t number : NumbersAtTheEdges()) {
    const std::string bytes = BigEndianOf(number);
    Decoder decoder(bytes);
    EXPECT_EQ(decoder.BigEndian64(), number);
    EXPECT_TRUE(decoder.done());
  }
}

TEST(Varints, TakeAByteForSevenBits) {
  EXPECT_EQ(VarintOf(0), "\0"s);
  EXPECT_EQ(VarintOf(127), "\x7F");
  EXPECT_EQ(VarintOf(128), "\x80\x01");
  EXPECT_EQ(VarintOf(300), "\xAC\x02");
  EXPECT_EQ(VarintOf(kMax64), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
}

TEST(Varints, ComeBackAsTheyWere) {
  for (const std::uint64_t number : NumbersAtTheEdges()) {
    const std::string bytes = VarintOf(number);
    Decoder decoder(bytes);
    EXPECT_EQ(decoder.Varint(), number);
    EXPECT_TRUE(decoder.done());
  }
}

class MalformedVarints : public testing::TestWithParam<std::string> {};

TEST_P(MalformedVarints, AreRefused) {
  Decoder decoder(GetParam());
  EXPECT_EQ(decoder.Varint(), 0U);
  EXPECT_FALSE(decoder.ok());
}

INSTANTIATE_TEST_SUITE_P(Encoding, MalformedVarints,
                         testing::Values(""s, "\x80"s, "\xFF\xFF\xFF"s,         // cut off
                                         std::string(9, '\xFF') + "\x02",       // 65 bits
                                         std::string(9, '\xFF') + "\x81\x00"s,  // an eleventh byte
                                         std::string(100, '\x80') + "\0"s));    // and a hundredth

TEST(ByteStrings, ComeBackWithWhateverIsInThem) {
  std::string out;
  PutBytes(&out, "");
  PutBytes(&out, "a\0b"s);
  PutBytes(&out, std::string(200, 'x'));
  Decoder decoder(out);
  EXPECT_EQ(decoder.Bytes(), "");
  EXPECT_EQ(decoder.Bytes(), "a\0b"s);
  EXPECT_EQ(decoder.Bytes(), std::string(200, 'x'));
  EXPECT_TRUE(decoder.done());
}

TEST(ByteStrings, LongerThanWhatIsLeftAreRefused) {
  for (const std::string& bytes : {"\x04"s + "abc", VarintOf(kMax64) + "abc", ""s}) {
    Decoder decoder(bytes);
    EXPECT_EQ(decoder.Bytes(), "");
    EXPECT_FALSE(decoder.ok());
  }
}

TEST(ADecoder, FailsForGoodAfterItsFirstFailure) {
  Decoder decoder("\x01\x02\x03");
  EXPECT_EQ(decoder.BigEndian32(), 0U);
  EXPECT_EQ(decoder.Varint(), 0U);
  EXPECT_EQ(decoder.Raw(1), "");
  EXPECT_EQ(decoder.Raw(0), "");
  EXPECT_EQ(decoder.rest(), "");
  EXPECT_FALSE(decoder.ok());
  EXPECT_FALSE(decoder.done());
}

TEST(ADecoder, IsDoneOnlyWhereNothingIsLeft) {
  Decoder decoder("ab");
  EXPECT_EQ(decoder.Raw(1), "a");
  EXPECT_TRUE(decoder.ok());
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.rest(), "b");
}

TEST(Hex, IsLowerCaseAndComesBack) {
  EXPECT_EQ(HexEncode("\0\x1F\xA0\xFF"s), "001fa0ff");
  EXPECT_EQ(HexDecode("001fa0ff"), "\0\x1F\xA0\xFF"s);
  EXPECT_EQ(HexDecode(""), "");
}

TEST(Hex, RefusesWhatHexEncodeDoesNotWrite) {
  for (const std::string& text : {"0"s, "abc"s, "0g"s, "FF"s, " 0"s, "0x"s, "0\0"s}) {
    EXPECT_EQ(HexDecode(text), std::nullopt) << text;
  }
}

struct Base64Vector {
  std::string bytes;
  std::string text;
  std::string url;
};

// The first seven are those of RFC 4648, section 10.
const std::vector<Base64Vector>& Base64Vectors() {
  static const std::vector<Base64Vector> vectors{
      {"", "", ""},
      {"f", "Zg==", "Zg"},
      {"fo", "Zm8=", "Zm8"},
      {"foo", "Zm9v", "Zm9v"},
      {"foob", "Zm9vYg==", "Zm9vYg"},
      {"fooba", "Zm9vYmE=", "Zm9vYmE"},
      {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
      {"\xFB\xFF\xBE", "+/++", "-_--"},
      {"\0\0\0\0"s, "AAAAAA==", "AAAAAA"},
  };
  return vectors;
}

TEST(Base64, WritesAndReadsTheVectorsOfItsRfc) {
  for (const Base64Vector& vector : Base64Vectors()) {
    EXPECT_EQ(Base64Encode(vector.bytes), vector.text);
    EXPECT_EQ(Base64Decode(vector.text), vector.bytes) << vector.text;
    EXPECT_EQ(Base64UrlEncode(vector.bytes), vector.url);
    EXPECT_EQ(Base64UrlDecode(vector.url), vector.bytes) << vector.url;
  }
}

TEST(Base64, BringsBackEveryByteAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t before = 0; before < 3; ++before) {
      const std::string bytes = std::string(before, 'x') + static_cast<char>(byte) + "yz";
      EXPECT_EQ(Base64Decode(Base64Encode(bytes)), bytes);
      EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes);
    }
  }
}

class TextThatIsNoBase64 : public testing::TestWithParam<std::string> {};

TEST_P(TextThatIsNoBase64, IsRefused) { EXPECT_EQ(Base64Decode(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(Encoding, TextThatIsNoBase64,
                         testing::Values("Zg", "Zg=", "Zm9vY", "Zm9vYg=",  // padding is missing
                                         "=", "====", "Z===", "Zm9v====",  // too much of it
                                         "Zg==Zg==", "Zg=v", "=Zg=",       // or in the middle
                                         "Zh==", "Zm9=", "Zv==",           // bits left over
                                         "-_--", "Zm 9", "Zm9v\n", " Zm9v", "Zm9v "s + "   ",
                                         "Zm9\0"s, "Zm9\xFF"s));

TEST(Base64InUrls, RefusesPaddingAndTheOtherAlphabet) {
  for (const std::string& text :
       {"Zg=="s, "+/++"s, "Z"s, "Zm9vY"s, "Zh"s, "Zm9"s, "Zg\n"s, "Z g"s, "Zm9\0"s}) {
    EXPECT_EQ(Base64UrlDecode(text), std::nullopt) << text;
  }
}

TEST(DecimalNumbers, AreReadUpToTheLargest) {
  EXPECT_EQ(ParseDecimal("0"), 0U);
  EXPECT_EQ(ParseDecimal("1024"), 1024U);
  EXPECT_EQ(ParseDecimal("18446744073709551615"), kMax64);
}

TEST(DecimalNumbers, BeyondTheLargestAreRefused) {
  for (const char* text : {"18446744073709551616", "18446744073709551620", "20000000000000000000",
                           "99999999999999999999", "184467440737095516150"}) {
    EXPECT_EQ(ParseDecimal(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDecimal("1000", 1000), 1000U);
  EXPECT_EQ(ParseDecimal("1001", 1000), std::nullopt);
}

TEST(DecimalNumbers, InAnyOtherFormAreRefused) {
  for (const std::string& text : {""s, "-1"s, "+1"s, " 1"s, "1 "s, "01"s, "00"s, "1e3"s, "0x10"s,
                                  "1.0"s, "1_000"s, "1\0"s, "\xD9\xA1"s}) {
    EXPECT_EQ(ParseDecimal(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bitacora
