#include "src/json_view.h"

#include <charconv>

#include "src/text.h"

namespace bitacora::cli {
namespace {

/// Larger than what servers allow in an event: a page holds a thousand of them.
constexpr JsonLimits kAnswerLimits{.depth_max = 512, .values_max = 50'000'000};

}  // namespace

Result<JsonView> JsonView::Parse(std::string_view text) {
  if (CheckJson(text, kAnswerLimits).ok()) {
    if (auto view = OfChecked(text)) return *std::move(view);
  }
  return Error(ErrorCode::kUnavailable, "the answer is not Bitacora's; is --server right?");
}

std::optional<JsonView> JsonView::OfChecked(std::string_view text) {
  auto members = JsonObjectMembers(text);
  if (!members.ok()) return std::nullopt;
  JsonView view;
  view.members_ = *std::move(members);
  return view;
}

std::string_view JsonView::Raw(std::string_view name) const {
  for (const JsonMember& member : members_) {
    if (member.name == name) return member.value;
  }
  return {};
}

std::optional<std::string> JsonView::String(std::string_view name) const {
  const std::string_view raw = Raw(name);
  if (raw.empty() || raw.front() != '"') return std::nullopt;
  auto text = JsonString(raw);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

std::optional<std::int64_t> JsonView::Integer(std::string_view name) const {
  const std::string_view raw = Raw(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (raw.empty() || error != std::errc() || end != raw.data() + raw.size()) return std::nullopt;
  return number;
}

std::optional<JsonView> JsonView::Object(std::string_view name) const {
  const std::string_view raw = Raw(name);
  if (raw.empty() || raw.front() != '{') return std::nullopt;
  return OfChecked(raw);
}

std::vector<std::string_view> JsonView::Array(std::string_view name) const {
  const std::string_view raw = Raw(name);
  if (raw.empty() || raw.front() != '[') return {};
  auto elements = JsonArrayElements(raw);
  if (!elements.ok()) return {};
  return *std::move(elements);
}

std::vector<JsonView> JsonView::Objects(std::string_view name) const {
  std::vector<JsonView> objects;
  for (const std::string_view element : Array(name)) {
    if (element.empty() || element.front() != '{') continue;
    if (auto object = OfChecked(element)) objects.push_back(*std::move(object));
  }
  return objects;
}

std::string JsonView::Text(std::string_view name) const {
  if (auto text = String(name)) return *std::move(text);
  const std::string_view raw = Raw(name);
  return raw == "null" ? std::string() : PrintableJson(raw);
}

}  // namespace bitacora::cli
