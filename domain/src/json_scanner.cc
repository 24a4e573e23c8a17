#include "src/json_scanner.h"

#include <algorithm>
#include <charconv>

#include <bitacora/base/encoding.h>

#include "src/text.h"

namespace bitacora {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The value of an escape's second character but 'u'; 0 where there is no such escape.
char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsHighSurrogate(unsigned unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool IsLowSurrogate(unsigned unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void AppendUtf8(unsigned point, std::string* out) {
  const auto put = [&](unsigned byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

/// Most names differ in size or at their beginning: spares the call that == is.
bool Same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || (a.front() == b.front() && a == b));
}

/// Of the four digits that stand at `digits`.
unsigned QuadAt(const char* digits) {
  unsigned unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<unsigned>(HexValue(digits[i]));
  return unit;
}

}  // namespace

void AppendUnescaped(std::string_view raw, std::string* out) {
  while (!raw.empty()) {
    const std::size_t plain = std::min(raw.find('\\'), raw.size());
    out->append(raw.substr(0, plain));
    raw.remove_prefix(plain);
    if (raw.empty()) return;
    if (raw[1] != 'u') {
      out->push_back(SimpleEscape(raw[1]));
      raw.remove_prefix(2);
      continue;
    }
    unsigned point = QuadAt(raw.data() + 2);
    raw.remove_prefix(6);
    if (IsHighSurrogate(point)) {
      point = 0x10000 + ((point & 0x3FF) << 10) + (QuadAt(raw.data() + 2) & 0x3FF);
      raw.remove_prefix(6);
    }
    AppendUtf8(point, out);
  }
}

JsonScanner::JsonScanner(std::string_view text, const JsonLimits& limits)
    : at_(text.data()), end_(text.data() + text.size()), begin_(text.data()), limits_(limits) {}

bool JsonScanner::Fail(const char* problem) {
  if (problem_ == nullptr) problem_ = problem;
  return false;
}

Error JsonScanner::error() const {
  return Error(ErrorCode::kInvalidArgument,
               "JSON, byte " + std::to_string(at_ - begin_) + ": " + problem_, "malformed-json");
}

void JsonScanner::SkipSpace() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool JsonScanner::Consume(char c) {
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

char JsonScanner::Peek() {
  SkipSpace();
  return at_ == end_ ? '\0' : *at_;
}

bool JsonScanner::End() {
  if (failed()) return false;
  SkipSpace();
  return at_ == end_ || Fail("something stands behind the value");
}

// ---- Scalars

bool JsonScanner::Scalar() {
  if (at_ == end_) return Fail("the text ends where a value should begin");
  std::string_view raw;
  bool escaped = false;
  switch (*at_) {
    case '"':
      return String(&raw, &escaped);
    case 't':
      return Literal("true");
    case 'f':
      return Literal("false");
    case 'n':
      return Literal("null");
    case '\xEF':
      return Fail("a byte order mark, or no value");
    default:
      return Number();
  }
}

bool JsonScanner::Literal(std::string_view word) {
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (std::string_view(at_, std::min(left, word.size())) != word) return Fail("no value");
  at_ += word.size();
  return true;
}

bool JsonScanner::Number() {
  const char* const begin = at_;
  const auto digits = [&] {
    const char* const first = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ - first;
  };
  Consume('-');
  const char* const whole = at_;
  const std::int64_t whole_digits = digits();
  if (whole_digits == 0) return Fail(whole == begin ? "no value" : "a number without digits");
  if (*whole == '0' && whole_digits > 1) return Fail("a number with a leading zero");
  // The decimal exponent of the first digit that is not zero.
  std::int64_t magnitude = *whole == '0' ? INT64_MIN : whole_digits - 1;
  if (Consume('.')) {
    const char* const first = at_;
    if (digits() == 0) return Fail("a number that ends with its point");
    const char* const nonzero = std::find_if(first, at_, [](char c) { return c != '0'; });
    if (*whole == '0' && nonzero != at_) magnitude = -(nonzero - first) - 1;
  }
  if (at_ == end_ || (*at_ != 'e' && *at_ != 'E')) {
    return magnitude < 308 || FitsDouble(begin, magnitude);
  }
  ++at_;
  const bool negative = at_ != end_ && *at_ == '-';
  if (!negative) Consume('+');
  if (negative) ++at_;
  const char* const first = at_;
  if (digits() == 0) return Fail("a number without digits in its exponent");
  std::int64_t exponent = 0;
  for (const char* digit = first; digit != at_; ++digit) {
    exponent = std::min<std::int64_t>(exponent * 10 + (*digit - '0'), INT32_MAX);
  }
  if (magnitude == INT64_MIN) return true;  // Zero, whatever its exponent.
  return FitsDouble(begin, magnitude + (negative ? -exponent : exponent));
}

/// `begin` to at_ is a number whose first digit stands for 10^magnitude.
bool JsonScanner::FitsDouble(const char* begin, std::int64_t magnitude) {
  if (magnitude < 308) return true;  // Too small a number is zero: no reader stumbles over that.
  double number = 0;
  if (magnitude > 308 || std::from_chars(begin, at_, number).ec != std::errc()) {
    return Fail("a number beyond what a double can hold");
  }
  return true;
}

bool JsonScanner::String(std::string_view* raw, bool* escaped) {
  const char* const begin = ++at_;
  for (;;) {
    at_ += PlainPrefix({at_, static_cast<std::size_t>(end_ - at_)});
    if (at_ == end_) return Fail("a string without its end");
    const auto byte = static_cast<unsigned char>(*at_);
    if (byte == '"') break;
    if (byte == '\\') {
      *escaped = true;
      if (!Escape()) return false;
    } else if (byte < 0x20) {
      return Fail("a control character in a string");
    } else {
      const std::size_t size = Utf8SequenceSize({at_, static_cast<std::size_t>(end_ - at_)});
      if (size == 0) return Fail("bytes that are not UTF-8");
      at_ += size;
    }
  }
  *raw = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  ++at_;
  return true;
}

bool JsonScanner::Escape() {
  ++at_;
  if (at_ == end_) return Fail("a string without its end");
  if (*at_ != 'u') {
    if (SimpleEscape(*at_) == 0) return Fail("an unknown escape in a string");
    ++at_;
    return true;
  }
  ++at_;
  unsigned unit = 0;
  if (!HexQuad(&unit)) return false;
  if (IsLowSurrogate(unit)) return Fail("a lone surrogate in a string");
  if (!IsHighSurrogate(unit)) return true;
  unsigned low = 0;
  if (!Consume('\\') || !Consume('u')) return Fail("a lone surrogate in a string");
  if (!HexQuad(&low)) return false;
  return IsLowSurrogate(low) || Fail("a lone surrogate in a string");
}

bool JsonScanner::HexQuad(unsigned* unit) {
  if (end_ - at_ < 4 || !std::all_of(at_, at_ + 4, [](char c) { return HexValue(c) >= 0; })) {
    return Fail("an escape without its four digits");
  }
  *unit = QuadAt(at_);
  at_ += 4;
  return true;
}

// ---- Values passed over whole

bool JsonScanner::Value(std::string_view* value) {
  if (failed()) return false;
  SkipSpace();
  fresh_ = false;
  values_ = 0;
  const char* const begin = at_;
  for (bool next_value = true; next_value;) {
    if (++values_ > limits_.values_max) return Fail("more values than are taken");
    const char c = at_ == end_ ? '\0' : *at_;
    if (c == '{' || c == '[') {
      if (!Push(c)) return false;
      SkipSpace();
      const bool empty = at_ != end_ && *at_ == (c == '{' ? '}' : ']');
      if (!empty) {
        if (c == '{' && !NamedMember()) return false;
        continue;
      }
    } else if (!Scalar()) {
      return false;
    }
    if (!CloseOrContinue(&next_value)) return false;
  }
  *value = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  return true;
}

bool JsonScanner::Push(char bracket) {
  if (depth_ >= std::min(limits_.depth_max, kJsonDepthMax)) return Fail("nested too deep");
  frames_[static_cast<std::size_t>(depth_++)] = {bracket == '{',
                                                 static_cast<std::uint32_t>(names_.size())};
  ++at_;
  return true;
}

/// Behind a value, or in an empty container: closes what ends here. `next_value` says whether
/// another value follows within the one that is being passed.
bool JsonScanner::CloseOrContinue(bool* next_value) {
  while (depth_ > 0) {
    const Frame& frame = frames_[static_cast<std::size_t>(depth_ - 1)];
    SkipSpace();
    if (Consume(',')) {
      SkipSpace();
      return !frame.object || NamedMember();
    }
    if (!Consume(frame.object ? '}' : ']')) {
      return Fail(frame.object ? "neither , nor } behind a member"
                               : "neither , nor ] behind an element");
    }
    if (frame.object && !NamesDiffer(frame.names_begin)) return false;
    --depth_;
  }
  *next_value = false;
  return true;
}

bool JsonScanner::NamedMember() {
  std::string_view name;
  if (!MemberName(&name)) return false;
  if (names_.empty()) names_.reserve(16);
  names_.push_back(name);
  return true;
}

/// Forgets the names from `begin` on.
bool JsonScanner::NamesDiffer(std::uint32_t begin) {
  const auto first = names_.begin() + begin;
  const auto last = names_.end();
  bool doubled = false;
  if (last - first <= 8) {
    for (auto name = first; name != last && !doubled; ++name) {
      doubled =
          std::any_of(first, name, [&](std::string_view other) { return Same(*name, other); });
    }
  } else {
    // By size first: most names then differ without a look at their bytes.
    std::sort(first, last, [](std::string_view a, std::string_view b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    doubled = std::adjacent_find(first, last) != last;
  }
  names_.erase(first, last);
  return !doubled || Fail("a member's name stands twice in this object");
}

bool JsonScanner::MemberName(std::string_view* name) {
  if (at_ == end_ || *at_ != '"') return Fail("no member's name");
  bool escaped = false;
  if (!String(name, &escaped)) return false;
  if (escaped) {
    std::string& text = unescaped_.emplace_back();
    AppendUnescaped(*name, &text);
    if (text.find('\0') != std::string::npos) return Fail("a NUL in a member's name");
    *name = text;
  }
  SkipSpace();
  if (!Consume(':')) return Fail("no : behind a member's name");
  SkipSpace();
  return true;
}

// ---- Containers that are entered

bool JsonScanner::Open(char bracket) {
  if (failed()) return false;
  SkipSpace();
  if (!Consume(bracket)) return Fail(bracket == '{' ? "no object" : "no array");
  fresh_ = true;
  return true;
}

bool JsonScanner::NextMember(std::string_view* name) {
  if (failed()) return false;
  SkipSpace();
  if (Consume('}')) {
    fresh_ = false;
    return false;
  }
  if (!fresh_ && !Consume(',')) return Fail("neither , nor } behind a member");
  fresh_ = false;
  SkipSpace();
  return MemberName(name);
}

bool JsonScanner::NextElement() {
  if (failed()) return false;
  SkipSpace();
  if (Consume(']')) {
    fresh_ = false;
    return false;
  }
  if (!fresh_ && !Consume(',')) return Fail("neither , nor ] behind an element");
  fresh_ = false;
  return true;
}

}  // namespace bitacora
