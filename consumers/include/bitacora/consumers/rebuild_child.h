// The other half of a drill: what its process does.
#pragma once

#include <iosfwd>

namespace bitacora::consumers {

/// The argument with which Drills calls its program.
inline constexpr const char* kRebuildChild = "rebuild-child";

/// Reads a job from `in`, rebuilds a read model from the log as it says, and tells `out`, a line of
/// JSON each time, how far it is and at last how it ended. The protocol is between two processes of
/// the same build and nobody else's business. Returns the exit code: 0 where it has told an end.
///
/// Belongs into a process of its own: it makes itself nice and dies with the thread that started
/// it.
int RunRebuildChild(std::istream& in, std::ostream& out);

}  // namespace bitacora::consumers
