// SHA-256, for fingerprints, chains and digests.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace bitacora {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Hashes what Update was given since construction or the last Finish. Not thread-safe; cheap to
/// reuse, dear to construct.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& Update(std::string_view bytes);
  /// Length (8 bytes, big-endian) and bytes: two different lists of parts never hash alike.
  Sha256& UpdatePart(std::string_view part);
  /// Also starts anew.
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256Digest HashSha256(std::string_view bytes);

/// The digest's bytes as a view, e.g. for HexEncode. `digest` must outlive the view.
inline std::string_view AsBytes(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace bitacora
