#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>
#include <bitacora/base/sha256.h>

namespace bitacora {
namespace {

using std::string_literals::operator""s;

std::string Hex(const Sha256Digest& digest) { return HexEncode(AsBytes(digest)); }

constexpr std::string_view kOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// The vectors of FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, AgreesWithItsStandard) {
  EXPECT_EQ(Hex(HashSha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(HashSha256("abc")), kOfAbc);
  EXPECT_EQ(Hex(HashSha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(HashSha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotSeeHowTheBytesWereCut) {
  Sha256 hash;
  EXPECT_EQ(Hex(hash.Update("a").Update("").Update("bc").Finish()), kOfAbc);
}

TEST(Sha256, StartsAnewAfterFinish) {
  Sha256 hash;
  (void)hash.Update("something else").Finish();
  EXPECT_EQ(Hex(hash.Update("abc").Finish()), kOfAbc);
}

TEST(Sha256OfParts, SeesHowTheBytesWereCut) {
  Sha256 hash;
  const Sha256Digest one = hash.UpdatePart("ab").UpdatePart("c").Finish();
  const Sha256Digest other = hash.UpdatePart("a").UpdatePart("bc").Finish();
  const Sha256Digest third = hash.UpdatePart("abc").UpdatePart("").Finish();
  EXPECT_NE(one, other);
  EXPECT_NE(one, third);
  EXPECT_NE(other, third);
}

TEST(Sha256OfParts, HashesTheLengthInEightBytesBeforeThePart) {
  Sha256 hash;
  EXPECT_EQ(hash.UpdatePart("abc").Finish(), HashSha256("\0\0\0\0\0\0\0\x03"s + "abc"));
}

}  // namespace
}  // namespace bitacora
