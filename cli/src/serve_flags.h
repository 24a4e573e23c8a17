// The flags of `bitacora serve`, from the command line, the environment and a file.
#pragma once

#include "src/serve.h"

namespace CLI {
class App;
}

namespace bitacora::cli {

/// Declares `serve` in `program`. While the command line is parsed the values go to `options`,
/// which must live as long as `program`: a flag wins over BITACORA_FLAG_NAME, that over the file
/// named by
/// --config, that over the default.
///
/// What is wrong throws a CLI::ParseError that names the flag or the key of the file.
CLI::App* AddServe(CLI::App& program, ServeOptions* options);

}  // namespace bitacora::cli
