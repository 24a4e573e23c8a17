#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "projections/read_models_fixture.h"
#include "support/seed.h"

namespace bitacora::projections {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ListingAModel : public ReadModelStoreTest {};

TEST_F(ListingAModel, WithoutDocumentsGivesAnEmptyLastPage) {
  const Model model = MakeModel(3);
  EXPECT_THAT(List(model).values, IsEmpty());
  EXPECT_EQ(List(model).last_key, std::nullopt);
}

TEST_F(ListingAModel, MergesPartitionsInTheOrderOfKeyBytes) {
  const Model model = MakeModel(3);
  Commit(model, 2, {{"a", "a"}, {"\xC3\xA9", "é"}});
  Commit(model, 0, {{"b", "b"}, {"B", "B"}});
  Commit(model, 1, {{"ab", "ab"}, {"\xFF", "FF"}});
  EXPECT_THAT(List(model).values, ElementsAre("B", "a", "ab", "b", "é", "FF"));
}

TEST_F(ListingAModel, ByPrefixGivesOnlyKeysThatBeginSo) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"o", "o"}, {"o-1", "o-1"}, {"p", "p"}});
  Commit(model, 1, {{"o-2", "o-2"}, {"n", "n"}, {"o-", "o-"}});
  EXPECT_THAT(List(model, {.prefix = "o-"}).values, ElementsAre("o-", "o-1", "o-2"));
  EXPECT_THAT(List(model, {.prefix = "q"}).values, IsEmpty());
}

TEST_F(ListingAModel, ByAPrefixOfTheHighestBytesDoesNotLeaveThePartition) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"\xFF", "1"}, {"\xFF\xFF", "2"}, {"\xFF\xFF\xFF", "3"}});
  Commit(model, 1, {{"a", "a"}});
  EXPECT_THAT(List(model, {.prefix = "\xFF\xFF"}).values, ElementsAre("2", "3"));
}

TEST_F(ListingAModel, GoesOnBehindTheLastKey) {
  const Model model = MakeModel(2);
  Commit(model, 0, {{"a", "a"}, {"c", "c"}});
  Commit(model, 1, {{"b", "b"}, {"d", "d"}});
  const auto first = List(model, {.limit = 2});
  EXPECT_THAT(first.values, ElementsAre("a", "b"));
  EXPECT_EQ(first.last_key, "b");
  const auto second = List(model, {.after = first.last_key, .limit = 2});
  EXPECT_THAT(second.values, ElementsAre("c", "d"));
  EXPECT_EQ(second.last_key, std::nullopt) << "there is nothing behind it";
}

TEST_F(ListingAModel, GoesOnBehindAKeyThatIsGone) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "a"}, {"c", "c"}});
  EXPECT_THAT(List(model, {.after = "b"}).values, ElementsAre("c"));
}

TEST_F(ListingAModel, BehindAKeyOutsideOfThePrefixStaysWithinIt) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "a"}, {"m-1", "m-1"}, {"z", "z"}});
  EXPECT_THAT(List(model, {.prefix = "m", .after = "a"}).values, ElementsAre("m-1"));
  EXPECT_THAT(List(model, {.prefix = "m", .after = "z"}).values, IsEmpty());
}

TEST_F(ListingAModel, EndsAPageAtItsBytes) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "12345"}, {"b", "12345"}, {"c", "12345"}});
  const auto page = List(model, {.bytes_max = 10});
  EXPECT_THAT(page.values, ElementsAre("12345", "12345"));
  EXPECT_EQ(page.last_key, "b");
}

TEST_F(ListingAModel, GivesOneDocumentHoweverLargeItIs) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", std::string(100, 'x')}, {"b", "y"}});
  const auto page = List(model, {.bytes_max = 10});
  EXPECT_THAT(page.values, ElementsAre(std::string(100, 'x')));
  EXPECT_EQ(page.last_key, "a");
}

TEST_F(ListingAModel, WithALimitOfZeroGivesOneDocument) {
  const Model model = MakeModel();
  Commit(model, 0, {{"a", "a"}, {"b", "b"}});
  EXPECT_THAT(List(model, {.limit = 0}).values, ElementsAre("a"));
}

TEST_F(ListingAModel, DoesNotSeeOtherModels) {
  const Model model = MakeModel(2);
  const Model other = MakeModel(2, true, "other.latest");
  Commit(model, 1, {{"a", "mine"}});
  Commit(other, 0, {{"a", "theirs"}});
  EXPECT_THAT(List(model).values, ElementsAre("mine"));
  EXPECT_THAT(List(other).values, ElementsAre("theirs"));
}

TEST_F(ListingAModel, PageByPageMeetsEveryKeyOnceInOrder) {
  std::mt19937_64 random(testing::TestSeed());
  const std::int32_t partitions = 4;
  const Model model = MakeModel(partitions);
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 300; ++i) {
    std::string key;
    for (std::size_t size = testing::Below(random, 4) + 1; size > 0; --size) {
      key.push_back(
          "\x01"
          "a\x7F\xFF"[testing::Below(random, 4)]);
    }
    const std::string value = std::to_string(i);
    Commit(model, PartitionOf(key, partitions).value, {{key, value}});
    expected[key] = value;
  }
  std::vector<std::string> all;
  std::optional<std::string> after;
  do {
    const auto page = List(model, {.after = after, .limit = 1 + testing::Below(random, 20)});
    all.insert(all.end(), page.values.begin(), page.values.end());
    after = page.last_key;
  } while (after);
  std::vector<std::string> values;
  for (const auto& [key, value] : expected) values.push_back(value);
  EXPECT_EQ(all, values);
}

class AKeyInSeveralPartitions : public ReadModelStoreTest {
 protected:
  const Model model_ = MakeModel(3, /*owned=*/false);

  void ExpectEverywhere(const std::string& value) {
    EXPECT_EQ(Get(model_, "k"), value);
    EXPECT_THAT(List(model_).values, ElementsAre(value));
  }
};

TEST_F(AKeyInSeveralPartitions, HasTheDocumentOfTheNewestRecord) {
  Commit(model_, 0, {{"k", "newest"}}, 30);
  Commit(model_, 1, {{"k", "oldest"}}, 10);
  Commit(model_, 2, {{"k", "middle"}}, 20);
  ExpectEverywhere("newest");
}

TEST_F(AKeyInSeveralPartitions, HasTheOneOfTheHighestPartitionAmongEquallyNew) {
  Commit(model_, 2, {{"k", "two"}}, 10);
  Commit(model_, 1, {{"k", "one"}}, 10);
  Commit(model_, 0, {{"k", "zero"}}, 5);
  ExpectEverywhere("two");
}

TEST_F(AKeyInSeveralPartitions, IsThereWhereNoRecordHasATime) {
  Commit(model_, 1, {{"k", "one"}}, -1);
  ExpectEverywhere("one");
}

TEST_F(AKeyInSeveralPartitions, ShowsWhatIsLeftWhereOnePartitionRemovesIt) {
  Commit(model_, 0, {{"k", "older"}}, 10);
  Commit(model_, 1, {{"k", "newer"}}, 20);
  Commit(model_, 1, {{"k", std::nullopt}}, 30);
  ExpectEverywhere("older");
}

TEST_F(AKeyInSeveralPartitions, IsOnOnePageOnly) {
  for (const std::int32_t partition : {0, 1, 2}) {
    Commit(model_, partition, {{"j", "j"}, {"k", "k"}, {"l", "l"}}, 10);
  }
  const auto page = List(model_, {.limit = 2});
  EXPECT_THAT(page.values, ElementsAre("j", "k"));
  EXPECT_THAT(List(model_, {.after = page.last_key}).values, ElementsAre("l"));
}

}  // namespace
}  // namespace bitacora::projections
