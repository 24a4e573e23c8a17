// The program's own log (not the event log): lines on stderr, as text or JSON.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace bitacora {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

/// One named value of a line.
struct LogField {
  LogField(std::string_view name_, std::string value_) : name(name_), value(std::move(value_)) {}
  LogField(std::string_view name_, std::string_view value_) : name(name_), value(value_) {}
  LogField(std::string_view name_, const char* value_) : name(name_), value(value_) {}
  LogField(std::string_view name_, std::int64_t value_)
      : name(name_), value(std::to_string(value_)) {}

  std::string_view name;
  std::string value;
};

/// Once, before other threads log. Without it: kInfo, text.
void ConfigureLog(LogLevel level, LogFormat format);

/// Writes one line: time, level, `message` (a constant sentence) and the fields. Control characters
/// in values are escaped, so that no value can forge a line. Thread-safe; never throws.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void LogDebug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

}  // namespace bitacora
