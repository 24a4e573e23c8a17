// A drill as clients get it.
#pragma once

#include <string>

#include <bitacora/consumers/drills.h>

namespace bitacora::api {

/// Schema `Drill` of openapi.json. What is not known yet is null.
std::string DrillJson(const consumers::DrillReport& report);

}  // namespace bitacora::api
