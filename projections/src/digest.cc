#include <bitacora/base/encoding.h>
#include <bitacora/base/mutation.h>
#include <bitacora/projections/digest.h>

namespace bitacora::projections {
namespace {

std::uint64_t Lane(const Sha256Digest& document, std::size_t lane) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | document[lane * 8 + i];
  return value;
}

}  // namespace

Sha256Digest HashDocument(std::string_view program, std::string_view key, std::string_view value) {
  thread_local Sha256 hash;
  if (Mutated(Promise::kP10)) value = {};
  return hash.UpdatePart(program).UpdatePart(key).UpdatePart(value).Finish();
}

void Digest::Add(const Sha256Digest& document) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] += Lane(document, i);
}

void Digest::Remove(const Sha256Digest& document) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] -= Lane(document, i);
}

std::string Digest::Encode() const {
  std::string out;
  for (const std::uint64_t lane : lanes_) PutBigEndian64(&out, lane);
  return out;
}

std::optional<Digest> Digest::Decode(std::string_view bytes) {
  Decoder in(bytes);
  Digest digest;
  for (std::uint64_t& lane : digest.lanes_) lane = in.BigEndian64();
  return in.done() ? std::optional(digest) : std::nullopt;
}

std::string Digest::Hex() const { return HexEncode(Encode()); }

}  // namespace bitacora::projections
