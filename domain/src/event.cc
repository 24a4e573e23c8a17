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

RecordedEvent Alone(const RecordedEvent& event) {
  struct Texts {
    Event event;
    std::string stream;
  };
  const auto texts =
      std::make_shared<const Texts>(Texts{CopyOf(event.event), std::string(event.stream)});
  RecordedEvent alone = event;
  alone.event = ViewOf(texts->event);
  alone.event.owner = texts;
  alone.stream = texts->stream;
  return alone;
}

}  // namespace bitacora
