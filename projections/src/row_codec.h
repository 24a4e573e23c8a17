// The bytes of the read models: docs/formats.md, section "Read models". A change of any of them
// raises kReadModelFormat; a store of another format is emptied and folded anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/projections/read_model_store.h>

namespace bitacora::projections {

inline constexpr std::uint64_t kReadModelFormat = 1;

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kNextNumberKey = "next-model";
inline constexpr std::string_view kModelPrefix = "model/";
inline constexpr std::string_view kStatePrefix = "state/";
inline constexpr std::string_view kDocumentPrefix = "d/";

/// What keys of one partition, or all of one model, begin with; `kind` is one of the two last
/// above.
std::string ModelKey(std::string_view kind, std::uint32_t model);
std::string PartitionKey(std::string_view kind, std::uint32_t model, Partition partition);

std::string EncodeModel(const Model& model);
std::optional<Model> DecodeModel(std::string_view name, std::string_view bytes);

std::string EncodeState(const PartitionState& state);
std::optional<PartitionState> DecodeState(std::string_view bytes);

/// A row without its key; views into the stored bytes.
struct RowView {
  std::string_view hash;  ///< 32 bytes.
  Offset offset;
  std::int64_t time_ms = 0;
  std::string_view value;
};
std::string EncodeRow(const Sha256Digest& hash, Offset offset, std::int64_t time_ms,
                      std::string_view value);
std::optional<RowView> DecodeRow(std::string_view bytes);

Sha256Digest ToHash(std::string_view bytes);

}  // namespace bitacora::projections
