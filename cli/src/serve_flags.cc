#include "src/serve_flags.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <bitacora/base/encoding.h>

#include "src/config_file.h"
#include "src/number_flag.h"

namespace bitacora::cli {
namespace {

constexpr char kExample[] =
    "Examples:\n"
    "  bitacora serve --data ./data\n"
    "  bitacora serve --kafka localhost:9092 --data ./state-of-node-1\n"
    "\n"
    "A flag wins over the environment (--listen is BITACORA_LISTEN), that over the file of\n"
    "--config (TOML, keys are the long flags with '_' for '-'), that over the default.\n";

std::string EnvironmentName(const std::string& long_name) {
  std::string name = "BITACORA_" + long_name;
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

void ParseListen(const std::string& text, ServeOptions* options) {
  const auto fail = [](const char* why) { throw CLI::ValidationError("--listen", why); };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail("HOST:PORT is needed, such as 127.0.0.1:8080");
  std::string host = text.substr(0, colon);
  const auto port = ParseDecimal(std::string_view(text).substr(colon + 1), UINT16_MAX);
  if (!port) return fail("the port must be a number from 0 to 65535");
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return fail("an IPv6 address needs brackets: [::1]:8080");
  }
  if (host.empty()) return fail("the host is missing; 127.0.0.1 is this machine only");
  options->host = host;
  options->port = static_cast<std::uint16_t>(*port);
}

/// Only forms that can mean nothing else; any other name may resolve to an open address.
bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

void AddProperty(const std::string& text, ServeOptions* options) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw CLI::ValidationError("--kafka-property", "NAME=VALUE is needed");
  }
  options->kafka_properties.emplace_back(text.substr(0, equals), text.substr(equals + 1));
}

/// In the environment and in the file a newline parts several properties.
void AddProperties(const std::vector<std::string>& texts, ServeOptions* options) {
  for (const std::string& text : texts) {
    for (const std::string& line : CLI::detail::split(text, '\n')) {
      if (!line.empty()) AddProperty(line, options);
    }
  }
}

class Declaration {
 public:
  Declaration(CLI::App* serve, ServeOptions* options) : serve_(serve), options_(*options) {}

  void Place() {
    serve_
        ->add_option_function<std::string>(
            "--listen", [this](const std::string& text) { ParseListen(text, &options_); },
            "Where to listen; port 0 takes a free one. Default 127.0.0.1:8080")
        ->type_name("HOST:PORT");
    serve_->add_flag("--insecure", options_.insecure,
                     "Listen beyond this machine although nobody is asked who they are");
    serve_
        ->add_option("--data", options_.data_directory,
                     "Directory of this node: the embedded log, and state that can be rebuilt")
        ->type_name("DIR")
        ->capture_default_str();
  }

  void Kafka() {
    serve_
        ->add_option("--kafka", options_.kafka_brokers,
                     "Keep the log in this Kafka instead of in the data directory")
        ->type_name("HOST:PORT,…");
    serve_
        ->add_option_function<std::vector<std::string>>(
            "--kafka-property",
            [this](const std::vector<std::string>& texts) { AddProperties(texts, &options_); },
            "A property of librdkafka; may come several times")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
  }

  void Work() {
    const std::size_t half = std::max(1u, std::thread::hardware_concurrency() / 2);
    options_.workers = options_.fold_threads = half;
    Count("--workers", {1, 256}, &options_.workers, "Threads that answer requests");
    Count("--fold-threads", {1, 256}, &options_.fold_threads, "Threads that give verdicts");
    Time("--append-timeout-ms", {100, 600'000}, &options_.append_timeout,
         "How long an append may wait for its verdict before it is called undecided");
    Time("--drain-timeout-ms", {0, 600'000}, &options_.drain_timeout,
         "How long answers in progress are waited for at SIGTERM");
    Count("--free-bytes-min", {0, INT64_MAX}, &options_.free_bytes_min,
          "Free disk space below which the embedded log refuses appends, at least 64 MiB, and no "
          "drill is begun; 0: 5 % of the disk, from 256 MiB to 4 GiB");
  }

  void Words() {
    Choice<LogLevel>("--log-level", &options_.log_level,
                     {{"debug", LogLevel::kDebug},
                      {"info", LogLevel::kInfo},
                      {"warning", LogLevel::kWarning},
                      {"error", LogLevel::kError}},
                     "What is worth a line on stderr: debug, info, warning or error")
        ->default_str("info");
    Choice<LogFormat>("--log-format", &options_.log_format,
                      {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                      "How such a line looks: text or json")
        ->default_str("text");
  }

  void Limits() {
    const NumberRange bytes{1'024, 1u << 30};
    const NumberRange time{100, 3'600'000};
    Count("--body-bytes-max", bytes, &options_.http.body_bytes_max, "Of a request");
    Count("--header-bytes-max", bytes, &options_.http.header_bytes_max, "Of a request's fields");
    Count("--header-fields-max", {1, 10'000}, &options_.http.header_fields_max, "Of a request");
    Count("--uri-bytes-max", bytes, &options_.http.uri_bytes_max, "Of a request");
    Count("--connections-max", {1, 1'000'000}, &options_.http.connections_max,
          "Open at a time; never more than half the descriptors");
    Count("--output-bytes-max", bytes, &options_.http.output_bytes_max,
          "Unsent, a connection, beyond the answer in progress");
    Count("--pipelined-requests-max", {1, 10'000}, &options_.http.pipelined_requests_max,
          "Unanswered, a connection; then reading pauses");
    Time("--header-timeout-ms", time, &options_.http.header_timeout, "To send a header block");
    Time("--body-timeout-ms", time, &options_.http.body_timeout, "To send a body");
    Time("--idle-timeout-ms", time, &options_.http.idle_timeout, "Between requests");
    Time("--write-timeout-ms", time, &options_.http.write_timeout, "Without progress of an answer");
    Count("--append-bytes-max", bytes, &options_.append_bytes_max, "Of one append, as a record");
    Count("--page-events-max", {1, 10'000}, &options_.page_events_max, "Of one page of events");
    Count("--page-bytes-max", bytes, &options_.page_bytes_max, "Of one page of events");
    Time("--wait-max-ms", {0, 3'600'000}, &options_.wait_max, "That a request may ask to wait");
  }

 private:
  template <typename Number>
  void Count(const std::string& name, NumberRange range, Number* number, const std::string& what) {
    AddNumber(
        serve_, name, range,
        [number](std::uint64_t value) { *number = static_cast<Number>(value); }, what)
        ->default_str(std::to_string(*number));
  }

  void Time(const std::string& name, NumberRange range, std::chrono::milliseconds* time,
            const std::string& what) {
    AddNumber(
        serve_, name, range,
        [time](std::uint64_t value) {
          *time = std::chrono::milliseconds(static_cast<std::int64_t>(value));
        },
        what)
        ->default_str(std::to_string(time->count()));
  }

  template <typename Value>
  CLI::Option* Choice(const std::string& name, Value* value,
                      const std::vector<std::pair<std::string, Value>>& choices,
                      const std::string& what) {
    return serve_
        ->add_option_function<std::string>(
            name,
            [name, value, choices, what](const std::string& text) {
              for (const auto& [word, meaning] : choices) {
                if (word != text) continue;
                *value = meaning;
                return;
              }
              throw CLI::ValidationError(name, "'" + text + "' is none of its values. " + what);
            },
            what)
        ->type_name("WORD");
  }

  CLI::App* serve_;
  ServeOptions& options_;
};

void RefuseOpenAddress(const ServeOptions& options) {
  if (options.insecure || IsLoopback(options.host)) return;
  throw CLI::ValidationError(
      "--listen", "'" + options.host +
                      "' can be reached from other machines, and this release asks "
                      "nobody who they are. Put a proxy that does in front and say --insecure");
}

void RefusePropertiesWithoutKafka(const ServeOptions& options) {
  if (options.kafka_brokers.empty() && !options.kafka_properties.empty()) {
    throw CLI::ValidationError("--kafka-property", "means nothing without --kafka");
  }
}

}  // namespace

CLI::App* AddServe(CLI::App& program, ServeOptions* options) {
  CLI::App* serve = program.add_subcommand("serve", "Run the server");
  serve->footer(kExample);
  const auto declaration = std::make_shared<Declaration>(serve, options);  // shared: by callbacks
  declaration->Place();
  declaration->Kafka();
  declaration->Work();
  declaration->Words();
  serve->option_defaults()->group("Limits, all at GET /v1/limits");
  declaration->Limits();

  for (CLI::Option* option : serve->get_options()) {
    if (option->get_lnames().empty() || option->get_lnames()[0] == "help") continue;
    option->envname(EnvironmentName(option->get_lnames()[0]));
  }
  const auto config = std::make_shared<std::string>();
  serve->option_defaults()->group("Options");
  serve->add_option("--config", *config, "TOML file with any of these")
      ->type_name("FILE")
      ->envname("BITACORA_CONFIG");
  serve->callback([serve, options, config, declaration] {
    if (!config->empty()) ApplyConfigFile(*config, *serve);
    RefuseOpenAddress(*options);
    RefusePropertiesWithoutKafka(*options);
  });
  return serve;
}

}  // namespace bitacora::cli
