// The context attributes of CloudEvents: which names and values there are, and where they stand in
// an Event.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/event.h>

namespace bitacora {

/// The most extension attributes an event may have.
inline constexpr std::size_t kExtensionsMax = 64;

/// Where attributes come from: what else is asked of them, and what happens to names that our
/// answers use themselves.
enum class AttributeRules {
  kClient,  ///< Everything is checked; reserved names are refused.
  /// Out of a log. Names up to 64 characters, values not beyond their text; reserved names are left
  /// out. Looser than kClient: rules for clients may change and what is stored stays readable.
  kStored,
};

/// The field of `event` for a standard attribute with a text of its own: not specversion, and not
/// an extension, which have none.
template <typename Text>
Text* AttributeField(std::string_view name, BasicEvent<Text>* event) {
  if (name == "id") return &event->id;
  if (name == "type") return &event->type;
  if (name == "time") return &event->time;
  if (name == "source") return &event->source;
  if (name == "subject") return &event->subject;
  if (name == "dataschema") return &event->data_schema;
  if (name == "datacontenttype") return &event->data_content_type;
  return nullptr;
}

/// Whether an extension may not be called so: the standard attributes, and the members that answers
/// add.
bool IsReservedName(std::string_view name);
/// 1 to `size_max` lower-case letters and digits.
bool IsExtensionName(std::string_view name, std::size_t size_max);
/// A CloudEvents Integer in its canonical form: 32 bits, no leading zero, no "-0".
bool IsInteger(std::string_view text);

/// "application/json; charset=utf-8" → "application/json", in lower case.
std::string MediaTypeOf(std::string_view content_type);
/// Whether data of this content type is JSON: a subtype json, or one that ends with +json.
bool IsJsonContentType(std::string_view content_type);

/// Collects the attributes of one event, in any order, each once. Errors are kInvalidArgument
/// "malformed-event" whose sentence begins with the attribute's name.
class AttributeCollector {
 public:
  AttributeCollector(AttributeRules rules, Event* event) : rules_(rules), event_(event) {}

  Status Set(std::string_view name, ExtensionValue::Type type, std::string_view text);
  /// The attributes that CloudEvents requires are there. Sorts the extensions.
  Status FinishCloudEvent();
  /// As above, of the plain form: a type.
  Status FinishPlain();

 private:
  Status SetStandard(std::string_view name, ExtensionValue::Type type, std::string_view text,
                     std::string* field);
  Status SetExtension(std::string_view name, ExtensionValue::Type type, std::string_view text);
  Status SortExtensions();

  const AttributeRules rules_;
  Event* const event_;
  bool has_specversion_ = false;
};

/// kInvalidArgument "malformed-event": "NAME: PROBLEM", or "a member: PROBLEM" where the name is
/// not fit to be repeated.
Error AttributeError(std::string_view name, std::string_view problem);

}  // namespace bitacora
