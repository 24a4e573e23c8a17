#include "src/serve.h"

#include "src/exit_code.h"

namespace bitacora::cli {

int RunServe(const ServeOptions& options) {
  LogError("this build has no server", {{"data", options.data_directory}});
  return kUsage;
}

}  // namespace bitacora::cli
