// GET …/streams/{s}/events, GET …/{t}/events, the topics themselves, and read models.
#pragma once

#include <vector>

#include "src/context.h"
#include "src/router.h"

namespace bitacora::api {

std::vector<Route> StreamRoutes(Context& context);
std::vector<Route> TopicRoutes(Context& context);
std::vector<Route> ReadModelRoutes(Context& context);

}  // namespace bitacora::api
