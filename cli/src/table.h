// Rows of aligned columns for people.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace bitacora::cli {

/// Values are made printable here. The last column is not padded, so that it may be long.
///
/// Rows can be shown in several portions: the columns are as wide as everything shown so far
/// needed.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);

  /// As many values as there are columns.
  void Add(std::vector<std::string> row);
  /// Writes what was added since the last time; the titles with the first portion.
  void Show(std::ostream& out);

 private:
  void ShowRow(std::ostream& out, const std::vector<std::string>& row) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace bitacora::cli
