#include "src/config_file.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <toml++/toml.h>

namespace bitacora::cli {
namespace {

std::string WithDashes(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

/// The long option `key` stands for; help and config are questions of the command line only.
CLI::Option* FindOption(CLI::App& app, const std::string& key) {
  if (key.find('-') != std::string::npos || key == "config" || key == "help") return nullptr;
  return app.get_option_no_throw("--" + WithDashes(key));
}

/// A scalar as it would be written on the command line; nothing for dates, tables and floats,
/// which no option takes.
std::optional<std::string> AsText(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  return std::nullopt;
}

std::vector<std::string> Values(const toml::node& node, const std::string& where) {
  std::vector<std::string> values;
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& element : *array) {
      auto text = AsText(element);
      if (!text) throw CLI::ConfigError(where + ": a list of strings is needed");
      values.push_back(*std::move(text));
    }
    return values;
  }
  auto text = AsText(node);
  if (!text) throw CLI::ConfigError(where + ": a string, a whole number or true/false is needed");
  values.push_back(*std::move(text));
  return values;
}

toml::table Parse(const std::string& path) {
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << path;
    if (error.source().begin) message << ", line " << error.source().begin.line;
    message << ": " << error.description();
    if (error.source().begin) throw CLI::ConfigError(message.str());
    throw CLI::FileError(message.str());
  }
}

}  // namespace

void ApplyConfigFile(const std::string& path, CLI::App& app) {
  const toml::table table = Parse(path);
  for (const auto& [toml_key, node] : table) {
    const std::string key(toml_key.str());
    const std::string where =
        path + ", line " + std::to_string(node.source().begin.line) + ": key \"" + key + "\"";
    CLI::Option* option = FindOption(app, key);
    if (option == nullptr) {
      throw CLI::ConfigError(where + " is unknown; keys are the long flags of `bitacora " +
                             app.get_name() + " --help` with '_' for '-'");
    }
    const std::vector<std::string> values = Values(node, where);
    if (node.is_array() && option->get_items_expected_max() == 1) {
      throw CLI::ConfigError(where + " takes one value");
    }
    if (option->count() > 0) continue;
    try {
      option->add_result(values);
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw CLI::ConfigError(where + ": " + error.what());
    }
  }
}

}  // namespace bitacora::cli
