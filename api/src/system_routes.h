// Liveness, readiness, metrics, limits, version and the OpenAPI document.
#pragma once

#include <vector>

#include "src/context.h"
#include "src/router.h"

namespace bitacora::api {

std::vector<Route> SystemRoutes(Context& context);

}  // namespace bitacora::api
