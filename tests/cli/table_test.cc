#include "src/table.h"

#include <clocale>
#include <sstream>

#include <gtest/gtest.h>

namespace bitacora::cli {
namespace {

Table MakeTable() {
  return Table(
      {{"KEY", Table::Align::kLeft}, {"N", Table::Align::kRight}, {"DATA", Table::Align::kLeft}});
}

TEST(ATable, AlignsItsColumns) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  Table table = MakeTable();
  table.Add({"日誌", "7", "x"});
  table.Add({"o-1", "100", ""});
  std::ostringstream out;
  table.Show(out);
  EXPECT_EQ(out.str(),
            "KEY     N  DATA\n"
            "日誌    7  x\n"
            "o-1   100\n");
}

TEST(ATable, KeepsItsWidthsFromPortionToPortion) {
  Table table = MakeTable();
  table.Add({"a-long-key", "1", "x"});
  std::ostringstream first;
  table.Show(first);
  table.Add({"k", "2", "y"});
  std::ostringstream second;
  table.Show(second);
  EXPECT_EQ(second.str(), "k           2  y\n");
}

TEST(ATable, NeverLetsAValueBreakItsRow) {
  Table table = MakeTable();
  table.Add({"a\nb", "1", "\x1b]0;title\x07"});
  std::ostringstream out;
  table.Show(out);
  EXPECT_EQ(out.str(), "KEY   N  DATA\na\\nb  1  \\x1b]0;title\\x07\n");
}

}  // namespace
}  // namespace bitacora::cli
