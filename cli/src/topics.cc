// `bitacora topics` and `bitacora create-topic`.
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "src/command.h"
#include "src/json_view.h"
#include "src/number_flag.h"
#include "src/progress.h"
#include "src/table.h"
#include "src/text.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

using Align = Table::Align;

struct TopicsFlags {
  ClientFlags client;
  std::string topic;
};

struct CreateFlags {
  ClientFlags client;
  std::string topic;
  std::optional<std::uint64_t> partitions;
  bool own = false;
};

std::string Count(const JsonView& topic, std::string_view name) {
  const auto count = topic.Integer(name);
  return count && *count >= 0 ? FormatCount(static_cast<std::uint64_t>(*count)) : "";
}

void ShowTopics(const std::vector<JsonView>& topics) {
  Table table({{"TOPIC", Align::kLeft},
               {"KIND", Align::kLeft},
               {"PARTITIONS", Align::kRight},
               {"EVENTS", Align::kRight},
               {"DURABILITY", Align::kLeft},
               {"PROBLEM", Align::kLeft}});
  for (const JsonView& topic : topics) {
    table.Add({topic.Text("name"), topic.Text("kind"), Count(topic, "partitions"),
               Count(topic, "events"), topic.Text("durability"), topic.Text("problem")});
  }
  table.Show(std::cout);
}

void ShowOffsets(const JsonView& topic) {
  Table table(
      {{"PARTITION", Align::kRight}, {"EARLIEST", Align::kRight}, {"LATEST", Align::kRight}});
  for (const JsonView& partition : topic.Objects("offsets")) {
    table.Add({partition.Text("partition"), partition.Text("earliest"), partition.Text("latest")});
  }
  std::cout << '\n';
  table.Show(std::cout);
}

Status ShowTopic(const std::string& body, bool json) {
  BITACORA_ASSIGN_OR_RETURN(const JsonView topic, JsonView::Parse(body));
  if (json) {
    std::cout << PrintableJson(body) << '\n';
    return {};
  }
  ShowTopics({topic});
  ShowOffsets(topic);
  return {};
}

Status Topics(const TopicsFlags& flags, Server& server) {
  if (!flags.topic.empty()) {
    BITACORA_ASSIGN_OR_RETURN(const std::string body,
                              server.Get("/v1/topics/" + PercentEncode(flags.topic)));
    return ShowTopic(body, flags.client.json);
  }
  BITACORA_ASSIGN_OR_RETURN(const std::string body, server.Get("/v1/topics"));
  BITACORA_ASSIGN_OR_RETURN(const JsonView list, JsonView::Parse(body));
  if (!flags.client.json) {
    ShowTopics(list.Objects("topics"));
    return {};
  }
  for (const std::string_view topic : list.Array("topics"))
    std::cout << PrintableJson(topic) << '\n';
  return {};
}

Status CreateTopic(const CreateFlags& flags, Server& server) {
  HttpCall call;
  call.method = "PUT";
  call.target = "/v1/topics/" + PercentEncode(flags.topic);
  call.fields = {{"Content-Type", "application/json"}};
  if (flags.own) {
    call.body = R"({"kind":"owned"})";
  } else if (flags.partitions) {
    call.body = R"({"partitions":)" + std::to_string(*flags.partitions) + "}";
  } else {
    call.body = "{}";
  }
  BITACORA_ASSIGN_OR_RETURN(const HttpAnswer answer, server.Ask(call));
  return ShowTopic(answer.body, flags.client.json);
}

}  // namespace

void AddTopics(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("topics", "List the topics, or show one");
  command->footer("Examples:\n  bitacora topics\n  bitacora topics orders\n");
  const auto flags = std::make_shared<TopicsFlags>();  // Shared with the callback below.
  command->add_option("TOPIC", flags->topic, "Only this one, with its offsets");
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] {
    *run = [flags] {
      return RunClient(flags->client, [&](Server& server) { return Topics(*flags, server); });
    };
  });
}

void AddCreateTopic(CLI::App& program, Run* run) {
  CLI::App* command = program.add_subcommand("create-topic", "Make a topic");
  command->footer(
      "Examples:\n  bitacora create-topic orders\n  bitacora create-topic clicks --partitions 32\n"
      "\nMaking it again changes nothing; another number of partitions is refused (1).\n");
  const auto flags = std::make_shared<CreateFlags>();  // Shared with the callbacks below.
  command->add_option("TOPIC", flags->topic, "Its name")->required();
  CLI::Option* partitions = AddNumber(
      command, "--partitions", {1, 64}, [flags](std::uint64_t n) { flags->partitions = n; },
      "For good: streams are spread over them; 8 where absent");
  command->add_flag("--own", flags->own, "Take over a Kafka topic that exists and is empty")
      ->excludes(partitions);
  AddClientFlags(*command, &flags->client);
  command->callback([flags, run] {
    *run = [flags] {
      return RunClient(flags->client, [&](Server& server) { return CreateTopic(*flags, server); });
    };
  });
}

}  // namespace bitacora::cli
