// UUIDs: version 7 (RFC 9562) for ids made by the server, version 4 for the identity of a log.
#pragma once

#include <cstdint>
#include <string>

namespace bitacora {

/// Where randomness comes from; injected, so that a simulation can seed it. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next64() = 0;
};

/// The operating system's, through OpenSSL; unpredictable.
Random& SystemRandom();

/// "018f4e2a-…-7…": begins with the milliseconds of `wall_ns` (from 0), and has 4,096ths of one
/// where others have the first random bits (RFC 9562, 6.2, method 3). So ids sort by the time they
/// were made, and what keeps them in order only ever adds at the end.
std::string MakeUuidV7(std::int64_t wall_ns, Random& random);
std::string MakeUuidV4(Random& random);

}  // namespace bitacora
