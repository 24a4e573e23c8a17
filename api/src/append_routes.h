// POST …/streams/{s}/events, POST …/{t}/events and GET …/appends/{id}.
#pragma once

#include <vector>

#include "src/context.h"
#include "src/router.h"

namespace bitacora::api {

std::vector<Route> AppendRoutes(Context& context);

}  // namespace bitacora::api
