#include <algorithm>

#include <bitacora/api/http.h>

namespace bitacora::api {

const std::string* HttpRequest::Find(std::string_view name) const {
  const std::string* found = nullptr;
  for (const HttpField& field : fields) {
    if (field.name != name) continue;
    if (found != nullptr) return nullptr;
    found = &field.value;
  }
  return found;
}

int HttpRequest::Count(std::string_view name) const {
  return static_cast<int>(std::count_if(
      fields.begin(), fields.end(), [name](const HttpField& field) { return field.name == name; }));
}

void Responder::Sink::Abandon() {
  HttpResponse response;
  response.status = 500;
  Deliver(std::move(response));
}

Responder::Responder(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (sink_ != nullptr) sink_->Abandon();
    sink_ = std::move(other.sink_);
  }
  return *this;
}

Responder::~Responder() {
  if (sink_ != nullptr) sink_->Abandon();
}

void Responder::Send(HttpResponse response) {
  if (const std::unique_ptr<Sink> sink = std::move(sink_)) sink->Deliver(std::move(response));
}

bool Responder::Alive() const { return sink_ != nullptr && sink_->Alive(); }

}  // namespace bitacora::api
