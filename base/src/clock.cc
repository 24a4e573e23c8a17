#include <algorithm>

#include <bitacora/base/clock.h>

namespace bitacora {
namespace {

class MachineClock final : public Clock {
 public:
  std::int64_t WallNs() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
  Deadline Now() const override { return std::chrono::steady_clock::now(); }
};

/// What four digits of a year can say.
constexpr std::int64_t kYearZeroMs = -62'167'219'200'000;
constexpr std::int64_t kYear9999EndMs = 253'402'300'799'999;

/// Puts `value`, which is not negative, as `digits` decimal digits at `(*text)[at]`.
void PutDigits(std::string* text, std::size_t at, std::size_t digits, std::int64_t value) {
  for (std::size_t i = at + digits; i-- > at; value /= 10) {
    (*text)[i] = static_cast<char>('0' + value % 10);
  }
}

/// Reads exactly `digits` decimal digits at `text[at]`, or nothing.
std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool IsOneOf(std::string_view text, std::size_t at, std::string_view allowed) {
  return at < text.size() && allowed.find(text[at]) != std::string_view::npos;
}

}  // namespace

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

std::string FormatRfc3339(std::int64_t wall_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds{std::clamp(wall_ms, kYearZeroMs, kYear9999EndMs)}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::string text("yyyy-mm-ddThh:mm:ss.sssZ");
  PutDigits(&text, 0, 4, static_cast<int>(date.year()));
  PutDigits(&text, 5, 2, static_cast<unsigned>(date.month()));
  PutDigits(&text, 8, 2, static_cast<unsigned>(date.day()));
  PutDigits(&text, 11, 2, clock.hours().count());
  PutDigits(&text, 14, 2, clock.minutes().count());
  PutDigits(&text, 17, 2, clock.seconds().count());
  PutDigits(&text, 20, 3, clock.subseconds().count());
  return text;
}

std::optional<std::int64_t> ParseRfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto year_digits = Digits(text, 0, 4);
  const auto month_digits = Digits(text, 5, 2);
  const auto day_digits = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2);
  const auto minute = Digits(text, 14, 2);
  const auto second = Digits(text, 17, 2);
  if (!year_digits || !month_digits || !day_digits || !hour || !minute || !second ||
      !IsOneOf(text, 4, "-") || !IsOneOf(text, 7, "-") || !IsOneOf(text, 10, "Tt ") ||
      !IsOneOf(text, 13, ":") || !IsOneOf(text, 16, ":")) {
    return std::nullopt;
  }
  const year_month_day date{year{*year_digits}, month{static_cast<unsigned>(*month_digits)},
                            day{static_cast<unsigned>(*day_digits)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;

  std::size_t at = 19;
  std::int64_t fraction_ms = 0;
  if (IsOneOf(text, at, ".")) {
    const std::size_t first = ++at;
    std::int64_t unit = 100;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction_ms += (text[at] - '0') * unit;
    }
    if (at == first) return std::nullopt;
  }

  minutes offset{0};
  if (IsOneOf(text, at, "Zz")) {
    ++at;
  } else if (IsOneOf(text, at, "+-")) {
    const auto offset_hours = Digits(text, at + 1, 2);
    const auto offset_minutes = Digits(text, at + 4, 2);
    if (!offset_hours || !offset_minutes || !IsOneOf(text, at + 3, ":") || *offset_hours > 23 ||
        *offset_minutes > 59) {
      return std::nullopt;
    }
    offset = hours{*offset_hours} + minutes{*offset_minutes};
    if (text[at] == '-') offset = -offset;
    at += 6;
  } else {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;

  const sys_time<milliseconds> time = sys_days{date} + hours{*hour} + minutes{*minute} +
                                      seconds{*second} + milliseconds{fraction_ms} - offset;
  return time.time_since_epoch().count();
}

}  // namespace bitacora
