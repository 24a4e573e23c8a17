#include "src/attributes.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <bitacora/base/clock.h>
#include <bitacora/base/encoding.h>

#include "src/text.h"

namespace bitacora {
namespace {

constexpr std::size_t kExtensionNameMax = 20;
constexpr std::size_t kStoredExtensionNameMax = 64;

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// The characters of RFC 3986; which of them may stand where is left to those who resolve it.
bool IsUriReference(std::string_view text) {
  constexpr std::string_view kOther = "-._~:/?#[]@!$&'()*+,;=";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsAlpha(c) || IsDigit(c) || kOther.find(c) != std::string_view::npos) continue;
    const bool escape =
        c == '%' && i + 2 < text.size() && IsHexDigit(text[i + 1]) && IsHexDigit(text[i + 2]);
    if (!escape) return false;
  }
  return !text.empty();
}

/// A URI reference with a scheme.
bool IsUri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || !IsAlpha(text[0])) return false;
  const std::string_view scheme = text.substr(0, colon);
  const auto allowed = [](char c) {
    return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
  };
  return std::all_of(scheme.begin(), scheme.end(), allowed) && IsUriReference(text);
}

bool IsToken(std::string_view text) {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlpha(c) || IsDigit(c) || kOther.find(c) != std::string_view::npos;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A media type of RFC 2046; its parameters are taken as they are.
bool IsContentType(std::string_view text) {
  const std::string_view type = Trim(text.substr(0, text.find(';')));
  const std::size_t slash = type.find('/');
  return slash != std::string_view::npos && IsToken(type.substr(0, slash)) &&
         IsToken(type.substr(slash + 1));
}

/// What a client's value of a standard attribute must be; nothing where it is.
std::string_view ProblemOf(std::string_view name, std::string_view text) {
  if (name == "source" && !IsUriReference(text)) return "not a URI reference";
  if (name == "dataschema" && !IsUri(text)) return "not a URI with a scheme";
  if (name == "time" && !ParseRfc3339(text)) return "not a date-time of RFC 3339";
  if (name == "datacontenttype" && !IsContentType(text)) return "not a media type";
  return {};
}

}  // namespace

Error AttributeError(std::string_view name, std::string_view problem) {
  const bool printable = !name.empty() && name.size() <= 64 && IsTextWithoutControls(name);
  std::string sentence(printable ? name : std::string_view("a member"));
  sentence.append(": ").append(problem);
  return Error(ErrorCode::kInvalidArgument, std::move(sentence), "malformed-event");
}

bool IsReservedName(std::string_view name) {
  constexpr std::string_view kReserved[] = {"id",
                                            "type",
                                            "time",
                                            "source",
                                            "subject",
                                            "dataschema",
                                            "datacontenttype",
                                            "specversion",
                                            "data",
                                            "stream",
                                            "partition",
                                            "version",
                                            "offset",
                                            "index",
                                            "expectedversion"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

bool IsExtensionName(std::string_view name, std::size_t size_max) {
  return !name.empty() && name.size() <= size_max &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'z'); });
}

bool IsInteger(std::string_view text) {
  std::int32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  return failed == std::errc() && stop == end && std::to_string(value) == text;
}

std::string MediaTypeOf(std::string_view content_type) {
  std::string type(Trim(content_type.substr(0, content_type.find(';'))));
  for (char& c : type) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return type;
}

bool IsJsonContentType(std::string_view content_type) {
  if (content_type == "application/json") return true;
  const std::string type = MediaTypeOf(content_type);
  return type.ends_with("/json") || type.ends_with("+json");
}

Status AttributeCollector::Set(std::string_view name, ExtensionValue::Type type,
                               std::string_view text) {
  if (std::string* const field = AttributeField(name, event_)) {
    return SetStandard(name, type, text, field);
  }
  if (name == "specversion") {
    if (has_specversion_) return AttributeError(name, "stands twice");
    if (type != ExtensionValue::Type::kString || text != "1.0")
      return AttributeError(name, "not 1.0");
    has_specversion_ = true;
    return {};
  }
  return SetExtension(name, type, text);
}

Status AttributeCollector::SetStandard(std::string_view name, ExtensionValue::Type type,
                                       std::string_view text, std::string* field) {
  if (!field->empty()) return AttributeError(name, "stands twice");
  if (type != ExtensionValue::Type::kString) return AttributeError(name, "not a string");
  if (text.empty()) return AttributeError(name, "empty");
  if (!IsTextWithoutControls(text))
    return AttributeError(name, "no text without control characters");
  if (rules_ == AttributeRules::kClient) {
    const std::string_view problem = ProblemOf(name, text);
    if (!problem.empty()) return AttributeError(name, problem);
  }
  *field = text;
  return {};
}

Status AttributeCollector::SetExtension(std::string_view name, ExtensionValue::Type type,
                                        std::string_view text) {
  const bool client = rules_ == AttributeRules::kClient;
  if (!IsExtensionName(name, client ? kExtensionNameMax : kStoredExtensionNameMax)) {
    return AttributeError(name, "an attribute's name is 1 to 20 lower-case letters and digits");
  }
  if (IsReservedName(name)) {
    return client ? Status(AttributeError(name, "a reserved name")) : Status();
  }
  if (!IsTextWithoutControls(text))
    return AttributeError(name, "no text without control characters");
  if (type == ExtensionValue::Type::kInteger && !IsInteger(text)) {
    return AttributeError(name, "a number that is no integer of 32 bits");
  }
  if (event_->extensions.size() == kExtensionsMax) {
    return AttributeError(name, "more than 64 extension attributes");
  }
  event_->extensions.emplace_back(std::string(name), ExtensionValue{type, std::string(text)});
  return {};
}

Status AttributeCollector::SortExtensions() {
  auto& extensions = event_->extensions;
  std::sort(extensions.begin(), extensions.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto doubled =
      std::adjacent_find(extensions.begin(), extensions.end(),
                         [](const auto& a, const auto& b) { return a.first == b.first; });
  if (doubled != extensions.end()) return AttributeError(doubled->first, "stands twice");
  return {};
}

Status AttributeCollector::FinishPlain() {
  if (event_->type.empty()) return AttributeError("type", "missing");
  return SortExtensions();
}

Status AttributeCollector::FinishCloudEvent() {
  if (!has_specversion_) return AttributeError("specversion", "missing");
  if (event_->id.empty()) return AttributeError("id", "missing");
  if (event_->source.empty()) return AttributeError("source", "missing");
  return FinishPlain();
}

}  // namespace bitacora
