#include <cctype>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include <bitacora/base/uuid.h>

namespace bitacora {
namespace {

/// Gives the same number again and again.
class OneNumber final : public Random {
 public:
  explicit OneNumber(std::uint64_t number) : number_(number) {}
  std::uint64_t Next64() override { return number_; }

 private:
  std::uint64_t number_;
};

constexpr std::uint64_t kAllOnes = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kWallNs = 0x0190'1234'ABCD * kMs;

void ExpectTheFormOfAUuid(const std::string& id) {
  ASSERT_EQ(id.size(), 36U) << id;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const std::string_view allowed = dash ? "-" : "0123456789abcdef";
    EXPECT_NE(allowed.find(id[i]), std::string_view::npos) << id;
  }
}

TEST(AnIdOfTheServer, BeginsWithItsTimeAndSaysVersionAndVariant) {
  OneNumber zeros(0);
  OneNumber ones(kAllOnes);
  EXPECT_EQ(MakeUuidV7(kWallNs, zeros), "01901234-abcd-7000-8000-000000000000");
  EXPECT_EQ(MakeUuidV7(kWallNs + kMs / 2, ones), "01901234-abcd-7800-bfff-ffffffffffff");
  EXPECT_EQ(MakeUuidV7(kWallNs + kMs - 1, ones), "01901234-abcd-7fff-bfff-ffffffffffff");
}

TEST(AnIdOfTheServer, SortsBehindEveryIdOfAQuarterMicrosecondBefore) {
  OneNumber zeros(0);
  OneNumber ones(kAllOnes);
  for (const std::int64_t ns : {std::int64_t{0}, 255 * kMs, 65'535 * kMs, kWallNs}) {
    for (const std::int64_t later : {std::int64_t{245}, kMs / 2, kMs}) {
      EXPECT_LT(MakeUuidV7(ns, ones), MakeUuidV7(ns + later, zeros)) << ns << " and " << later;
    }
  }
}

TEST(TheIdOfALog, SaysVersionAndVariant) {
  OneNumber zeros(0);
  OneNumber ones(kAllOnes);
  EXPECT_EQ(MakeUuidV4(zeros), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(MakeUuidV4(ones), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(RandomnessOfTheSystem, GivesAnotherIdEachTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    ids.insert(MakeUuidV7(kWallNs, SystemRandom()));
    ids.insert(MakeUuidV4(SystemRandom()));
  }
  EXPECT_EQ(ids.size(), 2'000U);
  for (const std::string& id : ids) ExpectTheFormOfAUuid(id);
}

}  // namespace
}  // namespace bitacora
