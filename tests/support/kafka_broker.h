// The real Kafka that tests with the label `broker` use.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <bitacora/base/uuid.h>

namespace bitacora::support {

/// host:port,… of BITACORA_TEST_KAFKA. Throws with a sentence where it is not set: a test that
/// needs a broker must not pass without one.
inline std::string TestKafka() {
  const char* const brokers = std::getenv("BITACORA_TEST_KAFKA");
  if (brokers == nullptr || *brokers == '\0') {
    throw std::runtime_error(
        "this test needs a real Kafka: set BITACORA_TEST_KAFKA=host:port, or leave it out with "
        "ctest -LE broker");
  }
  return brokers;
}

/// `name` with something no other test or run has.
inline std::string UniqueTopic(const std::string& name) {
  return "test-" + name + "-" + MakeUuidV4(SystemRandom());
}

}  // namespace bitacora::support
