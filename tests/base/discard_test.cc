#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <bitacora/base/discard.h>

#include "support/temporary_directory.h"

namespace bitacora {
namespace {

class DiscardingADirectory : public testing::Test {
 protected:
  void Make(const std::string& directory) {
    std::filesystem::create_directories(directory + "/inner");
    std::ofstream(directory + "/inner/file") << "bytes";
  }
  bool IsEmpty() const { return std::filesystem::is_empty(parent_.path()); }

  tests::TemporaryDirectory parent_;
  const std::string directory_ = parent_.path() + "/state";
};

TEST_F(DiscardingADirectory, RemovesItWithAllThatIsInIt) {
  Make(directory_);
  ASSERT_TRUE(Discard(directory_).ok());
  EXPECT_TRUE(IsEmpty());
}

TEST_F(DiscardingADirectory, RemovesWhatACrashLeftOfTheLastTime) {
  Make(directory_);
  std::filesystem::rename(directory_, directory_ + ".discarded");
  Make(directory_);
  ASSERT_TRUE(Discard(directory_).ok());
  EXPECT_TRUE(IsEmpty());
}

TEST_F(DiscardingADirectory, IsFinishedByWhoOpensItNext) {
  Make(directory_);
  std::filesystem::rename(directory_, directory_ + ".discarded");
  ASSERT_TRUE(RemoveDiscarded(directory_).ok());
  EXPECT_TRUE(IsEmpty());
}

TEST_F(DiscardingADirectory, SaysWhereThereIsNothingToDiscard) {
  EXPECT_EQ(Discard(directory_).error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(RemoveDiscarded(directory_).ok());
}

}  // namespace
}  // namespace bitacora
