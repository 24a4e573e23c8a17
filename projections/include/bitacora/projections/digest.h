// A digest over a set of documents that follows each change of the set in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/base/sha256.h>

namespace bitacora::projections {

/// SHA-256 over program, key and value, each with its length: what one document adds to a digest.
/// The program is in it because the same bytes made by another program mean another thing.
Sha256Digest HashDocument(std::string_view program, std::string_view key, std::string_view value);

/// The sum of its documents' hashes, in four lanes of 64 bits that wrap around. Documents may come
/// and go in any order: equal sets have equal digests, and unequal ones hardly ever do by accident.
/// It is no signature: who chooses documents can make two sets collide.
class Digest {
 public:
  void Add(const Sha256Digest& document);
  /// The opposite of Add, whether or not it was added.
  void Remove(const Sha256Digest& document);

  /// 32 bytes, and back. Bytes that outlive the process: docs/formats.md, "Read models".
  std::string Encode() const;
  static std::optional<Digest> Decode(std::string_view bytes);
  /// 64 hexadecimal digits, for people and for the API.
  std::string Hex() const;

  bool operator==(const Digest&) const = default;

 private:
  std::array<std::uint64_t, 4> lanes_{};
};

}  // namespace bitacora::projections
