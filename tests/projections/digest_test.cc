#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>
#include <bitacora/projections/digest.h>

#include "support/seed.h"

namespace bitacora::projections {
namespace {

Digest Of(const std::vector<Sha256Digest>& documents) {
  Digest digest;
  for (const Sha256Digest& document : documents) digest.Add(document);
  return digest;
}

Sha256Digest Filled(std::uint8_t byte) {
  Sha256Digest hash;
  hash.fill(byte);
  return hash;
}

std::vector<Sha256Digest> RandomDocuments(std::mt19937_64& random) {
  std::vector<Sha256Digest> documents;
  for (std::size_t i = 2 + testing::Below(random, 50); i > 0; --i) {
    documents.push_back(HashDocument("p/1", std::to_string(random()), std::to_string(random())));
  }
  return documents;
}

TEST(ADigest, OfNothingIsAllZeros) {
  EXPECT_EQ(Digest().Encode(), std::string(32, '\0'));
  EXPECT_EQ(Digest().Hex(), std::string(64, '0'));
}

TEST(ADigest, DoesNotDependOnTheOrderOfDocuments) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 100; ++round) {
    std::vector<Sha256Digest> documents = RandomDocuments(random);
    const Digest before = Of(documents);
    std::shuffle(documents.begin(), documents.end(), random);
    EXPECT_EQ(Of(documents), before);
  }
}

TEST(ADigest, ForgetsADocumentThatIsRemoved) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 100; ++round) {
    std::vector<Sha256Digest> documents = RandomDocuments(random);
    Digest digest = Of(documents);
    const std::size_t gone = testing::Below(random, documents.size());
    digest.Remove(documents[gone]);
    documents.erase(documents.begin() + static_cast<std::ptrdiff_t>(gone));
    EXPECT_EQ(digest, Of(documents));
  }
}

TEST(ADigest, MayRemoveBeforeItAdds) {
  Digest digest;
  digest.Remove(Filled(7));
  EXPECT_NE(digest, Digest());
  digest.Add(Filled(7));
  EXPECT_EQ(digest, Digest());
}

TEST(ADigest, CountsADocumentAsOftenAsItIsThere) {
  EXPECT_NE(Of({Filled(3), Filled(3)}), Of({Filled(3)}));
  EXPECT_NE(Of({Filled(3), Filled(3)}), Digest());
}

TEST(ADigest, WrapsAroundInEachLaneByItself) {
  Sha256Digest one{};
  one[31] = 1;
  // Of the last lane only: nothing is carried into the lane before it.
  EXPECT_EQ(Of({Filled(0xFF), one}).Hex(), std::string(48, 'f') + std::string(16, '0'));
}

TEST(ADigest, IsBigEndianLaneByLane) {
  Sha256Digest hash{};
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(Of({hash}).Encode(), AsBytes(hash));
}

TEST(ADigest, ComesBackFromItsBytes) {
  std::mt19937_64 random(testing::TestSeed());
  const Digest digest = Of(RandomDocuments(random));
  EXPECT_EQ(Digest::Decode(digest.Encode()), digest);
  EXPECT_EQ(HexDecode(digest.Hex()), digest.Encode());
}

TEST(ADigest, IsOfThirtyTwoBytesAndNoOtherNumber) {
  for (const std::size_t size : {0U, 1U, 31U, 33U, 64U}) {
    EXPECT_FALSE(Digest::Decode(std::string(size, 'x'))) << size;
  }
}

// Bytes that outlive the process: computed apart, with Python's hashlib.
TEST(TheHashOfADocument, IsSha256OverLengthsAndParts) {
  EXPECT_EQ(HexEncode(AsBytes(HashDocument("latest/1", "o-1", "{}"))),
            "5afc7fe27dbd6b18275eb383c9b6ccf205269aa62e1100bd59b1a4632ed54e9d");
}

TEST(TheHashOfADocument, TellsItsPartsApart) {
  std::set<Sha256Digest> hashes;
  for (const auto& [program, key, value] :
       std::vector<std::array<std::string, 3>>{{"ab", "c", "d"},
                                               {"a", "bc", "d"},
                                               {"a", "b", "cd"},
                                               {"", "abcd", ""},
                                               {"abcd", "", ""}}) {
    hashes.insert(HashDocument(program, key, value));
  }
  EXPECT_EQ(hashes.size(), 5U);
}

}  // namespace
}  // namespace bitacora::projections
