// The file behind --config: TOML whose keys are the long flags with '_' for '-'.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace bitacora::cli {

/// Gives each option of `app` that has no value yet (neither by flag nor by environment) its value
/// from the file at `path`. Lists are for options that may come several times.
///
/// Throws CLI::FileError where the file cannot be read, CLI::ConfigError where it is no TOML or has
/// an unknown key, and what the option itself throws at a wrong value; each names file and key.
void ApplyConfigFile(const std::string& path, CLI::App& app);

}  // namespace bitacora::cli
