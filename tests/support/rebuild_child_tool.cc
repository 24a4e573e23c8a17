// The process of a drill without the rest of the program.
#include <iostream>

#include <bitacora/base/log.h>
#include <bitacora/consumers/rebuild_child.h>

int main() {
  bitacora::ConfigureLog(bitacora::LogLevel::kWarning, bitacora::LogFormat::kText);
  return bitacora::consumers::RunRebuildChild(std::cin, std::cout);
}
