#include <string>

#include <gtest/gtest.h>

#include <bitacora/projections/scratch_table.h>

#include "support/temporary_directory.h"

namespace bitacora::projections {
namespace {

class AScratchTable : public ::testing::Test {
 protected:
  AScratchTable() {
    auto opened = ScratchTable::Open(directory_.path() + "/table");
    EXPECT_TRUE(opened.ok());
    table_ = std::move(*opened);
  }

  const tests::TemporaryDirectory directory_;
  std::unique_ptr<ScratchTable> table_;
};

TEST_F(AScratchTable, GivesBackWhatWasPutLast) {
  EXPECT_EQ(table_->Get("a").value(), std::nullopt);
  ASSERT_TRUE(table_->Put("a", "1").ok());
  ASSERT_TRUE(table_->Put("a", "2").ok());
  EXPECT_EQ(table_->Get("a").value(), "2");
}

TEST_F(AScratchTable, RemembersMoreThanItKeepsInMemory) {
  constexpr int kEntries = 120'001;
  for (int i = 0; i < kEntries; ++i) {
    ASSERT_TRUE(table_->Put(std::to_string(i), "old").ok());
    ASSERT_TRUE(table_->Put(std::to_string(i / 2), std::to_string(i)).ok());
  }
  EXPECT_EQ(table_->Get("0").value(), "1");
  EXPECT_EQ(table_->Get(std::to_string(kEntries / 2)).value(), std::to_string(kEntries - 1));
  EXPECT_EQ(table_->Get(std::to_string(kEntries - 1)).value(), "old");
  EXPECT_EQ(table_->Get(std::to_string(kEntries)).value(), std::nullopt);
}

TEST_F(AScratchTable, IsRefusedWhereThereIsOne) {
  table_.reset();
  EXPECT_FALSE(ScratchTable::Open(directory_.path() + "/table").ok());
}

}  // namespace
}  // namespace bitacora::projections
