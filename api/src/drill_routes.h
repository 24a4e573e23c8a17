// POST /v1/drills and GET /v1/drills/{id}.
#pragma once

#include <vector>

#include "src/context.h"
#include "src/router.h"

namespace bitacora::api {

std::vector<Route> DrillRoutes(Context& context);

}  // namespace bitacora::api
