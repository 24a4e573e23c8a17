// A page of events as a body.
#pragma once

#include <string>
#include <vector>

#include <bitacora/domain/event.h>

namespace bitacora::api {

/// `{"events":[…],"next":NEXT}`; `next_json` is JSON.
std::string EventPageJson(const std::vector<RecordedEvent>& events, const std::string& next_json);
/// The bare batch of the CloudEvents batch format: without what is ours.
std::string EventBatchJson(const std::vector<RecordedEvent>& events);

}  // namespace bitacora::api
