#include "src/event_rows.h"

#include <ostream>
#include <string>

#include "src/json_view.h"
#include "src/text.h"

namespace bitacora::cli {
namespace {

Table MakeTable(EventRows::Of of) {
  using Align = Table::Align;
  std::vector<Table::Column> columns;
  if (of == EventRows::Of::kTopic) columns.push_back({"STREAM", Align::kLeft});
  columns.push_back({"VERSION", Align::kRight});
  columns.push_back({"TYPE", Align::kLeft});
  columns.push_back({"TIME", Align::kLeft});
  columns.push_back({"DATA", Align::kLeft});
  return Table(std::move(columns));
}

std::string DataOf(const JsonView& event) {
  if (const std::string_view data = event.Raw("data"); !data.empty()) return PrintableJson(data);
  if (const auto bytes = event.String("data_base64")) return "base64:" + *bytes;
  return {};
}

}  // namespace

EventRows::EventRows(Of of, bool json) : of_(of), json_(json), table_(MakeTable(of)) {}

void EventRows::Show(const std::vector<std::string_view>& events, std::ostream& out) {
  for (const std::string_view text : events) {
    if (json_) {
      out << PrintableJson(text) << '\n';
      continue;
    }
    const auto event = JsonView::Parse(text);
    if (!event.ok()) continue;
    std::vector<std::string> row;
    if (of_ == Of::kTopic) row.push_back(event->Text("stream"));
    row.push_back(event->Text("version"));
    row.push_back(event->Text("type"));
    row.push_back(event->Text("time"));
    row.push_back(DataOf(*event));
    table_.Add(std::move(row));
  }
  if (!json_) table_.Show(out);
}

}  // namespace bitacora::cli
