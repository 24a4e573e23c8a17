// Directories that hold nothing but what can be made again.
#pragma once

#include <string>

#include <bitacora/base/status.h>

namespace bitacora {

/// Removes `directory` with all that is in it, whole or not at all: it has another name before the
/// first file goes, since half of it would look like damage. kPermissionDenied.
Status Discard(const std::string& directory);

/// Removes what a crash during Discard left of it; does nothing where there is no such thing. For
/// whoever opens `directory`. kPermissionDenied.
Status RemoveDiscarded(const std::string& directory);

}  // namespace bitacora
