#include <array>

#include <openssl/rand.h>

#include <bitacora/base/check.h>
#include <bitacora/base/clock.h>
#include <bitacora/base/uuid.h>

namespace bitacora {
namespace {

class OpenSslRandom final : public Random {
 public:
  std::uint64_t Next64() override {
    // OpenSSL's generator costs over a microsecond a call; a thread draws 512 bytes at a time.
    thread_local std::array<std::uint64_t, 64> pool;
    thread_local std::size_t used = pool.size();
    if (used == pool.size()) {
      BITACORA_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(pool.data()), sizeof pool) == 1,
                     "the system has no randomness");
      used = 0;
    }
    return pool[used++];
  }
};

std::string Format(std::uint64_t high, std::uint64_t low) {
  std::string text("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  for (char& c : text) {
    if (c == '-') continue;
    c = "0123456789abcdef"[high >> 60];
    high = (high << 4) | (low >> 60);
    low <<= 4;
  }
  return text;
}

std::uint64_t WithVersion(std::uint64_t high, std::uint64_t version) {
  return (high & ~0xF000ULL) | (version << 12);
}
std::uint64_t WithVariant(std::uint64_t low) { return (low >> 2) | 0x8000'0000'0000'0000ULL; }

}  // namespace

Random& SystemRandom() {
  static OpenSslRandom random;
  return random;
}

std::string MakeUuidV7(std::int64_t wall_ns, Random& random) {
  const std::int64_t time = (wall_ns / kNsPerMs) << 16 | (wall_ns % kNsPerMs * 4096) / kNsPerMs;
  return Format(WithVersion(static_cast<std::uint64_t>(time), 7), WithVariant(random.Next64()));
}

std::string MakeUuidV4(Random& random) {
  return Format(WithVersion(random.Next64(), 4), WithVariant(random.Next64()));
}

}  // namespace bitacora
