// CloudEvents in JSON form, and Bitacora's plain form, read from text.
#pragma once

#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/event.h>
#include <bitacora/domain/event_codec.h>

#include "src/attributes.h"
#include "src/json_scanner.h"

namespace bitacora {

/// Reads the object that comes next as a CloudEvent. Errors are "malformed-event" without the
/// event's place; those of the JSON text itself are left in `json`, which then failed().
///
/// `bulk`, where given, takes the extensions `stream` and `expectedversion`; else they are
/// reserved.
Status ReadCloudEvent(JsonScanner* json, AttributeRules rules, Event* event,
                      SubmittedEvent* bulk = nullptr);

/// Reads the object that comes next as `{type, data, id?, metadata?}`.
Status ReadPlainEvent(JsonScanner* json, Event* event);

/// Takes bytes that came as they are, with the content type that `event` has: JSON where that says
/// so, without the white space around it; "malformed-event" where it then is none.
Status TakeDataBytes(std::string_view bytes, Event* event);
/// The same; its data then is in `bytes`.
Status TakeDataBytes(std::string_view bytes, StoredEvent* event);

}  // namespace bitacora
