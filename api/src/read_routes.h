// GET …/streams/{s}/events, GET …/{t}/events, and the topics themselves.
#pragma once

#include <vector>

#include "src/context.h"
#include "src/router.h"

namespace bitacora::api {

std::vector<Route> StreamRoutes(Context& context);
std::vector<Route> TopicRoutes(Context& context);

}  // namespace bitacora::api
