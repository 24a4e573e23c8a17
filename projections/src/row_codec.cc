#include "src/row_codec.h"

#include <algorithm>
#include <limits>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/position.h>

namespace bitacora::projections {
namespace {

constexpr std::size_t kHashBytes = std::tuple_size_v<Sha256Digest>;

std::uint64_t Unsigned(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// Reads numbers of 0 to a most; remembers one that was none.
class NumberReader {
 public:
  explicit NumberReader(Decoder* in) : in_(*in) {}

  template <typename Number = std::int64_t>
  Number Take(Number max = std::numeric_limits<Number>::max()) {
    const std::uint64_t value = in_.Varint();
    if (value <= static_cast<std::uint64_t>(max)) return static_cast<Number>(value);
    in_range_ = false;
    return Number{0};
  }
  bool in_range() const { return in_range_; }

 private:
  Decoder& in_;
  bool in_range_ = true;
};

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
  NumberReader numbers(&in);
  Model model;
  model.name = name;
  model.number = numbers.Take<std::uint32_t>();
  model.identity.log_id = in.Bytes();
  model.identity.program = in.Bytes();
  model.identity.partitions = numbers.Take<std::int32_t>(kPositionPartitionMax + 1);
  model.identity.owned = numbers.Take<std::int32_t>(1) == 1;
  if (!in.done() || !numbers.in_range() || model.identity.partitions == 0) return std::nullopt;
  return model;
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
  NumberReader numbers(&in);
  PartitionState state;
  state.first = Offset(numbers.Take());
  state.next = Offset(numbers.Take());
  state.index = numbers.Take<std::int32_t>();
  const std::string_view chain = in.Raw(state.chain.size());
  std::copy(chain.begin(), chain.end(), state.chain.begin());
  const std::optional<Digest> digest = Digest::Decode(in.Raw(kHashBytes));
  state.documents = numbers.Take();
  state.records = numbers.Take();
  if (!in.done() || !numbers.in_range() || !digest) return std::nullopt;
  state.digest = *digest;
  return state;
}

std::string EncodeRow(const Sha256Digest& hash, Offset offset, std::int64_t time_ms,
                      std::string_view value) {
  std::string row;
  row.reserve(kHashBytes + 16 + value.size());
  row.append(AsBytes(hash));
  PutVarint(&row, Unsigned(offset.value));
  // A record without a time has -1 in Kafka; nothing older than 1970 is newer than anything.
  PutVarint(&row, Unsigned(std::max<std::int64_t>(0, time_ms)));
  return row.append(value);
}

std::optional<RowView> DecodeRow(std::string_view bytes) {
  Decoder in(bytes);
  NumberReader numbers(&in);
  RowView row;
  row.hash = in.Raw(kHashBytes);
  row.offset = Offset(numbers.Take());
  row.time_ms = numbers.Take();
  row.value = in.rest();
  return in.ok() && numbers.in_range() ? std::optional(row) : std::nullopt;
}

Sha256Digest ToHash(std::string_view bytes) {
  Sha256Digest hash{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
  return hash;
}

}  // namespace bitacora::projections
