#include <bitacora/domain/event.h>

namespace bitacora {
namespace {

template <typename To, typename From>
void CopyTexts(const BasicEvent<From>& from, BasicEvent<To>* to) {
  to->id = from.id;
  to->source = from.source;
  to->type = from.type;
  to->subject = from.subject;
  to->time = from.time;
  to->data_content_type = from.data_content_type;
  to->data_schema = from.data_schema;
  to->extensions.reserve(from.extensions.size());
  for (const auto& [name, value] : from.extensions) {
    to->extensions.emplace_back(To(name), BasicExtensionValue<To>{value.type, To(value.text)});
  }
  to->data_kind = from.data_kind;
  to->data = from.data;
}

}  // namespace

StoredEvent ViewOf(const Event& event) {
  StoredEvent view;
  CopyTexts(event, &view);
  return view;
}

Event CopyOf(const StoredEvent& event) {
  Event copy;
  CopyTexts(event, &copy);
  return copy;
}

std::vector<StoredEvent> StoredOf(std::vector<Event> events, std::string_view stream) {
  struct Texts {
    std::vector<Event> events;
    std::string stream;
  };
  const auto texts = std::make_shared<const Texts>(Texts{std::move(events), std::string(stream)});
  std::vector<StoredEvent> stored;
  stored.reserve(texts->events.size());
  for (const Event& event : texts->events) {
    StoredEvent& view = stored.emplace_back(ViewOf(event));
    view.stream = texts->stream;
    view.owner = texts;
  }
  return stored;
}

StoredEvent Alone(const StoredEvent& event) {
  std::vector<Event> copy;
  copy.push_back(CopyOf(event));
  return std::move(StoredOf(std::move(copy), event.stream).front());
}

}  // namespace bitacora
