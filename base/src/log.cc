#include <atomic>
#include <cstdio>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <bitacora/base/clock.h>
#include <bitacora/base/log.h>

namespace bitacora {
namespace {

std::atomic<LogFormat> g_format{LogFormat::kText};

spdlog::logger& Logger() {
  static spdlog::logger logger = [] {
    spdlog::logger made("bitacora", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%v");
    made.flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

/// A JSON string body: quotes, backslashes and control characters escaped. Bytes from 0x80 on stay.
void AppendEscaped(std::string* out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out->append(escape);
    } else {
      out->push_back(c);
    }
  }
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void AppendQuoted(std::string* out, std::string_view text) {
  out->push_back('"');
  AppendEscaped(out, text);
  out->push_back('"');
}

std::string TextLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = FormatRfc3339(SystemClock().WallMs());
  line.append(" ").append(Name(level)).append(" ");
  AppendEscaped(&line, message);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    if (NeedsQuotes(field.value)) {
      AppendQuoted(&line, field.value);
    } else {
      line.append(field.value);
    }
  }
  return line;
}

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = R"({"time":")" + FormatRfc3339(SystemClock().WallMs()) + R"(","level":")";
  line.append(Name(level)).append(R"(","message":)");
  AppendQuoted(&line, message);
  for (const LogField& field : fields) {
    line.push_back(',');
    AppendQuoted(&line, field.name);
    line.push_back(':');
    AppendQuoted(&line, field.value);
  }
  return line.append("}");
}

}  // namespace

void ConfigureLog(LogLevel level, LogFormat format) {
  Logger().set_level(ToSpdlog(level));
  g_format = format;
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  const std::string line = g_format == LogFormat::kJson ? JsonLine(level, message, fields)
                                                        : TextLine(level, message, fields);
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace bitacora
