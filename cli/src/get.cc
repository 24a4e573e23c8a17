// `bitacora get`: documents of a read model.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "src/command.h"
#include "src/json_view.h"
#include "src/number_flag.h"
#include "src/table.h"
#include "src/text.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

struct GetFlags {
  ClientFlags client;
  std::string model;
  std::string key;
  std::string prefix;
  std::optional<std::uint64_t> limit;
  std::string at_least;
};

/// The rows of `{topic}.latest`; any other document shows as its JSON.
class DocumentRows {
 public:
  explicit DocumentRows(bool json) : json_(json) {}

  void Show(const std::vector<std::string_view>& documents) {
    for (const std::string_view text : documents) {
      if (json_) {
        std::cout << PrintableJson(text) << '\n';
        continue;
      }
      const auto document = JsonView::Parse(text);
      if (!document.ok()) continue;
      const auto event = document->Object("event");
      table_.Add({document->Text("key"), document->Text("version"),
                  event ? event->Text("type") : "", document->Text("time"),
                  event ? PrintableJson(event->Raw("data")) : ""});
    }
    if (!json_) table_.Show(std::cout);
  }

 private:
  bool json_;
  Table table_{{{"KEY", Table::Align::kLeft},
                {"VERSION", Table::Align::kRight},
                {"TYPE", Table::Align::kLeft},
                {"TIME", Table::Align::kLeft},
                {"DATA", Table::Align::kLeft}}};
};

Status GetOne(const GetFlags& flags, Server& server) {
  BITACORA_ASSIGN_OR_RETURN(
      const std::string body,
      server.Get("/v1/read-models/" + PercentEncode(flags.model) + "/" + PercentEncode(flags.key),
                 flags.at_least));
  BITACORA_RETURN_IF_ERROR(JsonView::Parse(body).status());
  DocumentRows(flags.client.json).Show({body});
  return {};
}

Status GetMany(const GetFlags& flags, Server& server) {
  DocumentRows rows(flags.client.json);
  auto left = flags.limit;
  std::string cursor;
  while (!left || *left > 0) {
    Target target("/v1/read-models/" + PercentEncode(flags.model));
    if (!flags.prefix.empty()) target.Add("prefix", flags.prefix);
    if (!cursor.empty()) target.Add("cursor", cursor);
    target.Add("limit", std::to_string(left ? std::min<std::uint64_t>(*left, 1000) : 1000));
    BITACORA_ASSIGN_OR_RETURN(const std::string body, server.Get(target.str(), flags.at_least));
    BITACORA_ASSIGN_OR_RETURN(const JsonView page, JsonView::Parse(body));
    const auto documents = page.Array("documents");
    rows.Show(documents);
    if (left) *left -= std::min<std::uint64_t>(*left, documents.size());
    const auto next = page.String("next");
    if (!next) break;
    cursor = *next;
  }
  return {};
}

}  // namespace

void AddGet(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("get", "Look up documents of a read model");
  command->footer(
      "Examples:\n  bitacora get orders.latest o-1\n  bitacora get orders.latest --prefix o- "
      "--json\n"
      "\nEvery topic T has the read model T.latest: the last event of each stream.\n");
  const auto flags = std::make_shared<GetFlags>();  // Shared with the callbacks below.
  command->add_option("READ-MODEL", flags->model, "Such as orders.latest")->required();
  CLI::Option* key = command->add_option("KEY", flags->key, "One document");
  command->add_option("--prefix", flags->prefix, "Documents whose keys begin so")->excludes(key);
  AddNumber(
      command, "--limit", {1, INT64_MAX}, [flags](std::uint64_t n) { flags->limit = n; },
      "Show at most so many")
      ->excludes(key);
  AddAtLeast(*command, &flags->at_least);
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] {
    *run = [flags] {
      return RunClient(flags->client, [&](Server& server) {
        return flags->key.empty() ? GetMany(*flags, server) : GetOne(*flags, server);
      });
    };
  });
}

}  // namespace bitacora::cli
