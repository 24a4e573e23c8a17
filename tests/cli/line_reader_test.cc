#include "src/line_reader.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace bitacora::cli {
namespace {

using Got = LineReader::Got;

class ReadingLines : public testing::Test {
 protected:
  ReadingLines() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~ReadingLines() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }

  void Write(std::string_view text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void End() {
    close(ends_[1]);
    ends_[1] = -1;
  }
  Got Next(LineReader& reader) { return reader.Next(std::chrono::milliseconds(1), &line_); }

  int descriptor() const { return ends_[0]; }
  std::string line_;

 private:
  std::array<int, 2> ends_{};
};

TEST_F(ReadingLines, GivesEachWithoutItsEnd) {
  LineReader reader(descriptor());
  Write("one\r\n\ntwo\n");
  EXPECT_EQ(Next(reader), Got::kLine);
  EXPECT_EQ(line_, "one");
  EXPECT_EQ(Next(reader), Got::kLine);
  EXPECT_EQ(line_, "");
  EXPECT_EQ(Next(reader), Got::kLine);
  EXPECT_EQ(line_, "two");
  EXPECT_EQ(reader.bytes_read(), 10u);
}

TEST_F(ReadingLines, TellsAPauseFromTheEnd) {
  LineReader reader(descriptor());
  Write("half");
  EXPECT_EQ(Next(reader), Got::kPause);
  Write(" a line\nlast");
  EXPECT_EQ(Next(reader), Got::kLine);
  EXPECT_EQ(line_, "half a line");
  EXPECT_EQ(Next(reader), Got::kPause);
  End();
  EXPECT_EQ(Next(reader), Got::kLine) << "a last line needs no newline";
  EXPECT_EQ(line_, "last");
  EXPECT_EQ(Next(reader), Got::kEnd);
}

TEST_F(ReadingLines, RefusesOneThatIsTooLong) {
  LineReader reader(descriptor(), 10);
  Write("01234567890123456789");
  EXPECT_EQ(Next(reader), Got::kTooLong);
}

}  // namespace
}  // namespace bitacora::cli
