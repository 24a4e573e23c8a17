// The core on many seeds: clients, two nodes, a log that misbehaves, power cuts at any moment.
//
// The parts are stepped by one thread through their inner interfaces (the fold of the stream store,
// the fold of the read models, a log in memory), so that a seed says everything that happens. What
// stands around them, threads and waiting, has tests of its own.
//
// BITACORA_TEST_SIZE says how many seeds; BITACORA_TEST_SEED runs that one alone.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "simulation/world.h"

namespace bitacora::simulation {
namespace {

constexpr int kSteps = 2000;
constexpr int kShards = 4;  // So that ctest may run them beside each other.

int Seeds() {
  const char* const size = std::getenv("BITACORA_TEST_SIZE");
  const std::string name = size == nullptr ? "short" : size;
  return name == "long" ? 100'000 : name == "full" ? 1000 : 200;
}

class TheCore : public testing::TestWithParam<int> {};

TEST_P(TheCore, KeepsItsPromisesWhateverHappens) {
  const char* const given = std::getenv("BITACORA_TEST_SEED");
  const std::uint64_t first =
      given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  const int seeds = given == nullptr ? Seeds() / kShards : 1;
  World::Counts sum;
  std::int64_t copies_missed = 0;
  for (int i = 0; i < seeds; ++i) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
    World world(seed);
    const auto failure = world.Run(kSteps);
    ASSERT_FALSE(failure.has_value()) << "BITACORA_TEST_SEED=" << seed << ": " << *failure;
    sum.appends += world.counts().appends;
    sum.unknown += world.counts().unknown;
    sum.answers += world.counts().answers;
    sum.crashes += world.counts().crashes;
    sum.lost += world.counts().lost;
    copies_missed += world.copies_missed();
  }
  std::cout << seeds << " seeds from " << first << ": " << sum.appends << " appends, "
            << sum.unknown << " of them unknown, " << sum.answers << " answers, " << sum.crashes
            << " power cuts that lost " << sum.lost << " folded records; " << copies_missed
            << " reads of copies that were lost\n";
  EXPECT_GT(sum.answers, 0);
  if (given == nullptr) {
    EXPECT_GT(sum.lost, 0);
    EXPECT_GT(copies_missed, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, TheCore, testing::Range(0, kShards));

class AMistake : public testing::TestWithParam<Mistake> {};

TEST_P(AMistake, IsFoundWithinAFewSeeds) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    if (World(seed, GetParam()).Run(kSteps).has_value()) return;
  }
  FAIL() << "ten seeds found nothing";
}

constexpr std::array kNames{"None", "ForgetPosition", "PassOverRecord", "PassOverDocument",
                            "AcknowledgeAndLose"};

INSTANTIATE_TEST_SUITE_P(Of, AMistake,
                         testing::Values(Mistake::kForgetPosition, Mistake::kPassOverRecord,
                                         Mistake::kPassOverDocument, Mistake::kAcknowledgeAndLose),
                         [](const auto& tested) {
                           return kNames[static_cast<std::size_t>(tested.param)];
                         });

TEST(ASeed, DoesTheSameEachTime) {
  World first(7);
  World second(7);
  ASSERT_FALSE(first.Run(kSteps).has_value());
  ASSERT_FALSE(second.Run(kSteps).has_value());
  EXPECT_EQ(first.counts().answers, second.counts().answers);
  EXPECT_EQ(first.counts().unknown, second.counts().unknown);
  EXPECT_EQ(first.counts().crashes, second.counts().crashes);
  EXPECT_EQ(first.counts().lost, second.counts().lost);
}

}  // namespace
}  // namespace bitacora::simulation
