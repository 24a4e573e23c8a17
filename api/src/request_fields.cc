#include "src/request_fields.h"

#include <algorithm>
#include <cctype>

#include <bitacora/base/encoding.h>

namespace bitacora::api {
namespace {

constexpr std::uint64_t kVersionMax = (std::uint64_t{1} << 53) - 1;
constexpr std::size_t kAtLeastMax = 16;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The parts of a list, separated by `separator` outside of quotes; empty parts left out.
std::vector<std::string_view> SplitList(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i == text.size() || (text[i] == separator && !quoted)) {
      const std::string_view part = Trim(text.substr(start, i - start));
      if (!part.empty()) parts.push_back(part);
      start = i + 1;
    }
  }
  return parts;
}

/// The parts of all fields called `name`: several fields are one list (RFC 9110 section 5.3).
std::vector<std::string_view> ListField(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> parts;
  for (const HttpField& field : request.fields) {
    if (field.name != name) continue;
    const auto more = SplitList(field.value, ',');
    parts.insert(parts.end(), more.begin(), more.end());
  }
  return parts;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Error BadCondition(std::string_view what) {
  return {ErrorCode::kInvalidArgument, std::string(what), "invalid-condition"};
}

Result<Expected> ReadIfMatch(std::string_view value) {
  if (value == "*") return Expected{Expected::Kind::kExists, {}};
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
    return BadCondition("If-Match is one strong tag with a version, such as \"18\", or *");
  }
  const auto version = ParseDecimal(value.substr(1, value.size() - 2), kVersionMax);
  if (!version) return BadCondition("If-Match is one strong tag with a decimal version, or *");
  return Expected{Expected::Kind::kVersion, Version(static_cast<std::int64_t>(*version))};
}

/// Quality of one Accept element for `media`, and how closely it names it; quality -1: not at all.
struct Match {
  double quality = -1;
  int specificity = -1;
};

Match MatchAccept(std::string_view element, std::string_view media) {
  const auto parts = SplitList(element, ';');
  if (parts.empty()) return {};
  const std::string_view range = parts[0];
  Match match;
  const std::string_view type = media.substr(0, media.find('/'));
  if (EqualsIgnoringCase(range, media)) {
    match.specificity = 2;
  } else if (range.size() > 2 && range.ends_with("/*") &&
             EqualsIgnoringCase(range.substr(0, range.size() - 2), type)) {
    match.specificity = 1;
  } else if (range == "*/*") {
    match.specificity = 0;
  } else {
    return {};
  }
  match.quality = 1;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!parts[i].starts_with("q=") && !parts[i].starts_with("Q=")) continue;
    // Only zero or not matters, and the order of what is left: digits compare as text of one
    // length.
    const std::string_view q = parts[i].substr(2);
    double value = 0;
    double unit = 1;
    for (const char c : q) {
      if (c == '.') continue;
      if (c < '0' || c > '9') return {};
      value += (c - '0') * unit;
      unit /= 10;
    }
    match.quality = std::min(value, 1.0);
  }
  return match;
}

}  // namespace

Result<Expected> ReadCondition(const HttpRequest& request) {
  const int matches = request.Count("if-match");
  const int none_matches = request.Count("if-none-match");
  if (matches + none_matches > 1) {
    return BadCondition("an append has one condition: If-Match or If-None-Match, once");
  }
  if (matches == 1) return ReadIfMatch(*request.Find("if-match"));
  if (none_matches == 0) return Expected{};
  if (*request.Find("if-none-match") != "*") {
    return BadCondition("If-None-Match of an append is *: the stream shall be new");
  }
  return Expected{Expected::Kind::kNew, {}};
}

Result<std::optional<AppendId>> ReadIdempotencyKey(const HttpRequest& request) {
  const int count = request.Count("idempotency-key");
  if (count == 0) return std::optional<AppendId>();
  if (count > 1) {
    return Error(ErrorCode::kInvalidArgument, "there is more than one Idempotency-Key",
                 "invalid-idempotency-key");
  }
  std::string_view key = *request.Find("idempotency-key");
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  BITACORA_ASSIGN_OR_RETURN(AppendId id, ParseIdempotencyKey(key));
  return std::optional(std::move(id));
}

Result<Preferences> ReadPreferences(const HttpRequest& request, std::chrono::seconds wait_max) {
  Preferences preferences;
  for (const std::string_view part : ListField(request, "prefer")) {
    const std::string_view preference = Trim(part.substr(0, part.find(';')));
    if (EqualsIgnoringCase(preference, "respond-async")) preferences.respond_async = true;
    if (!EqualsIgnoringCase(preference.substr(0, preference.find('=')), "wait")) continue;
    const std::size_t equals = preference.find('=');
    const auto seconds = equals == std::string_view::npos
                             ? std::nullopt
                             : ParseDecimal(preference.substr(equals + 1),
                                            static_cast<std::uint64_t>(wait_max.count()));
    if (!seconds || preferences.wait) {
      return Error(ErrorCode::kInvalidArgument,
                   "Prefer: wait=N is given once, with a number of seconds from 0 to " +
                       std::to_string(wait_max.count()),
                   "invalid-preference");
    }
    preferences.wait = std::chrono::seconds(*seconds);
  }
  return preferences;
}

Result<std::vector<Position>> ReadAtLeast(const HttpRequest& request) {
  std::vector<Position> positions;
  for (const std::string_view token : ListField(request, "bitacora-at-least")) {
    BITACORA_ASSIGN_OR_RETURN(Position position, ParsePosition(token));
    positions.push_back(std::move(position));
  }
  if (positions.size() > kAtLeastMax) {
    return Error(ErrorCode::kInvalidArgument, "Bitacora-At-Least takes at most 16 positions",
                 "malformed-position");
  }
  return positions;
}

bool IfNoneMatchNames(const HttpRequest& request, std::string_view etag) {
  for (std::string_view tag : ListField(request, "if-none-match")) {
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
  }
  return false;
}

std::optional<std::size_t> Negotiate(const HttpRequest& request,
                                     const std::vector<std::string_view>& offered) {
  const auto elements = ListField(request, "accept");
  if (elements.empty()) return 0;
  std::optional<std::size_t> best;
  double best_quality = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    Match closest;
    for (const std::string_view element : elements) {
      const Match match = MatchAccept(element, offered[i]);
      if (match.specificity > closest.specificity) closest = match;
    }
    if (closest.quality > best_quality) {
      best = i;
      best_quality = closest.quality;
    }
  }
  return best;
}

}  // namespace bitacora::api
