#include <algorithm>

#include <bitacora/base/encoding.h>
#include <bitacora/base/sha256.h>
#include <bitacora/domain/event_codec.h>

namespace bitacora {
namespace {

/// Everything but the data's bytes, so that data need not be copied; its size closes the list.
void PutEvent(std::string* out, const Event& event) {
  for (const std::string* const text :
       {&event.id, &event.source, &event.type, &event.subject, &event.time,
        &event.data_content_type, &event.data_schema}) {
    PutBytes(out, *text);
  }
  PutVarint(out, event.extensions.size());
  for (const auto& [name, value] : event.extensions) {
    PutBytes(out, name);
    PutVarint(out, static_cast<std::uint64_t>(value.type));
    PutBytes(out, value.text);
  }
  PutVarint(out, static_cast<std::uint64_t>(event.data_kind));
  PutVarint(out, event.data.size());
}

}  // namespace

Fingerprint FingerprintOf(const Expected& expected, const std::vector<SubmittedEvent>& events) {
  // Stored for as long as the stream: docs/formats.md. A change makes every repetition of an older
  // append a reused key.
  thread_local Sha256 hash;
  std::string text("bitacora-fingerprint-1");
  PutBytes(&text, FormatExpected(expected));
  PutVarint(&text, events.size());
  for (const SubmittedEvent& submitted : events) {
    PutEvent(&text, submitted.event);
    hash.Update(text).Update(submitted.event.data);
    text.clear();
  }
  const Sha256Digest digest = hash.Update(text).Finish();
  Fingerprint fingerprint;
  std::copy_n(digest.begin(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

}  // namespace bitacora
