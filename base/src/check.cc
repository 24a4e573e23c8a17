#include <cstdio>
#include <cstdlib>

#include <bitacora/base/check.h>

namespace bitacora {

void CheckFailed(const char* file, int line, const char* condition, std::string_view details) {
  std::fprintf(stderr, "%s:%d: broken: %s: %.*s\n", file, line, condition,
               static_cast<int>(details.size()), details.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace bitacora
