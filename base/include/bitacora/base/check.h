// BITACORA_CHECK guards against bugs of ours, in production too. Input from outside never reaches
// one.
#pragma once

#include <string>
#include <string_view>

namespace bitacora {

/// Writes file, line, the broken condition and `details` to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view details);

}  // namespace bitacora

/// Aborts with `details` (a string, evaluated only then) unless `condition` holds.
#define BITACORA_CHECK(condition, details)                              \
  do {                                                                  \
    if (!(condition)) [[unlikely]] {                                    \
      ::bitacora::CheckFailed(__FILE__, __LINE__, #condition, details); \
    }                                                                   \
  } while (false)
