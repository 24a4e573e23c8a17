// `bitacora serve`: the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/api/http_server.h>
#include <bitacora/base/log.h>

namespace bitacora::cli {

/// Everything a user can set, complete and within its range. serve_flags.cc declares each flag with
/// its meaning and range.
struct ServeOptions {
  std::string host = "127.0.0.1";  ///< An address or a name; IPv6 without brackets.
  std::uint16_t port = 8080;       ///< 0: a free one.
  /// Another address than loopback is meant. Without it the flags refuse one.
  bool insecure = false;

  std::string data_directory = "./data";
  std::string kafka_brokers;  ///< Empty: the embedded log.
  std::vector<std::pair<std::string, std::string>> kafka_properties;

  std::size_t workers = 1;       ///< Threads that parse and answer.
  std::size_t fold_threads = 1;  ///< Threads that run admit.
  std::chrono::milliseconds append_timeout{15'000};
  std::chrono::milliseconds drain_timeout{20'000};  ///< From SIGTERM until answers are given up.
  std::uint64_t free_bytes_min = 0;                 ///< 0: EmbeddedLogOptions' own rule.

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;

  api::HttpLimits http;
  std::size_t append_bytes_max = 1'000'000;
  std::size_t page_events_max = 1'000;
  std::size_t page_bytes_max = 4u << 20;
  std::chrono::milliseconds wait_max{60'000};  ///< The longest `Prefer: wait` that is honoured.
};

/// Serves until SIGTERM or SIGINT. Writes `listening on http://HOST:PORT` as the first line on
/// stdout once it accepts. Returns an ExitCode.
int RunServe(const ServeOptions& options);

}  // namespace bitacora::cli
