#include "src/row_codec.h"

#include <algorithm>

#include <bitacora/base/encoding.h>

namespace bitacora::projections {
namespace {

constexpr std::size_t kHashBytes = std::tuple_size_v<Sha256Digest>;

std::uint64_t Unsigned(std::int64_t number) { return static_cast<std::uint64_t>(number); }
std::int64_t Signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

std::string ModelKey(std::string_view kind, std::uint32_t model) {
  std::string key(kind);
  PutBigEndian32(&key, model);
  return key;
}

std::string PartitionKey(std::string_view kind, std::uint32_t model, Partition partition) {
  std::string key = ModelKey(kind, model);
  PutBigEndian32(&key, static_cast<std::uint32_t>(partition.value));
  return key;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string EncodeModel(const Model& model) {
  std::string out;
  PutVarint(&out, model.number);
  PutBytes(&out, model.identity.log_id);
  PutBytes(&out, model.identity.program);
  PutVarint(&out, static_cast<std::uint64_t>(model.identity.partitions));
  PutVarint(&out, model.identity.owned ? 1 : 0);
  return out;
}

std::optional<Model> DecodeModel(std::string_view name, std::string_view bytes) {
  Decoder in(bytes);
  Model model;
  model.name = name;
  model.number = static_cast<std::uint32_t>(in.Varint());
  model.identity.log_id = in.Bytes();
  model.identity.program = in.Bytes();
  model.identity.partitions = static_cast<std::int32_t>(in.Varint());
  model.identity.owned = in.Varint() != 0;
  return in.done() ? std::optional(std::move(model)) : std::nullopt;
}

std::string EncodeState(const PartitionState& state) {
  std::string out;
  PutVarint(&out, Unsigned(state.first.value));
  PutVarint(&out, Unsigned(state.next.value));
  PutVarint(&out, static_cast<std::uint64_t>(state.index));
  out.append(reinterpret_cast<const char*>(state.chain.data()), state.chain.size());
  out.append(state.digest.Encode());
  PutVarint(&out, Unsigned(state.documents));
  PutVarint(&out, Unsigned(state.records));
  return out;
}

std::optional<PartitionState> DecodeState(std::string_view bytes) {
  Decoder in(bytes);
  PartitionState state;
  state.first = Offset(Signed(in.Varint()));
  state.next = Offset(Signed(in.Varint()));
  state.index = static_cast<std::int32_t>(in.Varint());
  const std::string_view chain = in.Raw(state.chain.size());
  std::copy(chain.begin(), chain.end(), state.chain.begin());
  const std::optional<Digest> digest = Digest::Decode(in.Raw(kHashBytes));
  state.documents = Signed(in.Varint());
  state.records = Signed(in.Varint());
  if (!in.done() || !digest) return std::nullopt;
  state.digest = *digest;
  return state;
}

std::string EncodeRowHead(const Sha256Digest& hash, Offset offset, std::int64_t time_ms) {
  std::string head;
  head.reserve(kHashBytes + 16);
  head.append(AsBytes(hash));
  PutVarint(&head, Unsigned(offset.value));
  // A record without a time has -1 in Kafka; nothing older than 1970 is newer than anything.
  PutVarint(&head, Unsigned(std::max<std::int64_t>(0, time_ms)));
  return head;
}

std::optional<RowView> DecodeRow(std::string_view bytes) {
  Decoder in(bytes);
  RowView row;
  row.hash = in.Raw(kHashBytes);
  row.offset = Offset(Signed(in.Varint()));
  row.time_ms = Signed(in.Varint());
  row.value = in.rest();
  return in.ok() ? std::optional(row) : std::nullopt;
}

Sha256Digest ToHash(std::string_view bytes) {
  Sha256Digest hash{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
  return hash;
}

}  // namespace bitacora::projections
