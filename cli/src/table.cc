#include "src/table.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <bitacora/base/check.h>

#include "src/text.h"

namespace bitacora::cli {

Table::Table(std::vector<Column> columns)
    : columns_(std::move(columns)), widths_(columns_.size(), 0) {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  Add(std::move(titles));
}

void Table::Add(std::vector<std::string> row) {
  BITACORA_CHECK(row.size() == columns_.size(), "a row of another table");
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = Printable(row[i]);
    widths_[i] = std::max(widths_[i], DisplayWidth(row[i]));
  }
  rows_.push_back(std::move(row));
}

void Table::Show(std::ostream& out) {
  for (const auto& row : rows_) ShowRow(out, row);
  rows_.clear();
}

void Table::ShowRow(std::ostream& out, const std::vector<std::string>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string padding(widths_[i] - DisplayWidth(row[i]), ' ');
    const bool right = columns_[i].align == Align::kRight;
    if (right) line.append(padding);
    line.append(row[i]);
    if (i + 1 == row.size()) break;
    if (!right) line.append(padding);
    line.append("  ");
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << '\n';
}

}  // namespace bitacora::cli
