#include "src/number_flag.h"

#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::cli {

CLI::Option* AddNumber(CLI::App* app, const std::string& name, NumberRange range,
                       std::function<void(std::uint64_t)> store, const std::string& description) {
  const std::string rule =
      "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
  return app
      ->add_option_function<std::string>(
          name,
          [name, range, rule, store = std::move(store)](const std::string& text) {
            const auto number = ParseDecimal(text, range.max);
            if (!number || *number < range.min)
              throw CLI::ValidationError(name, rule + " is needed");
            store(*number);
          },
          description)
      ->type_name("N");
}

}  // namespace bitacora::cli
