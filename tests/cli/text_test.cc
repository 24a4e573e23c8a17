#include "src/text.h"

#include <clocale>
#include <string>

#include <gtest/gtest.h>

namespace bitacora::cli {
namespace {

TEST(TextForATerminal, KeepsWordsOfAnyScript) {
  EXPECT_EQ(Printable("Bitácora 航海日誌 🚢"), "Bitácora 航海日誌 🚢");
}

TEST(TextForATerminal, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(Printable("a\nb\tc\rd\x7f"), "a\\nb\\tc\\x0dd\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\x9b") << "C1 control sequence introducer";
  EXPECT_EQ(Printable("abc\xe2\x80\xae"), "abc\\u202e") << "right-to-left override";
  EXPECT_EQ(Printable(std::string("\0", 1)), "\\x00");
}

TEST(TextForATerminal, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(Printable("a\xff"
                      "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "a surrogate";
  EXPECT_EQ(Printable("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd") << "cut short";
}

TEST(JsonForATerminal, LosesWhiteSpaceBetweenValuesOnly) {
  EXPECT_EQ(PrintableJson("{ \"a b\" :\n [1.50, \" \\\" x \"] }"), R"({"a b":[1.50," \" x "]})");
}

TEST(JsonForATerminal, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(PrintableJson("\"\xc2\x9b\x7f\""), R"("\u009b\u007f")");
}

TEST(WidthOfText, CountsColumnsNotBytes) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u) << "a combining accent takes no column";
  EXPECT_EQ(DisplayWidth("日誌"), 4u);
}

}  // namespace
}  // namespace bitacora::cli
