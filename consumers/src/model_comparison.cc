#include "src/model_comparison.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::consumers {
namespace {

using projections::Digest;
using projections::ModelSnapshot;
using projections::PartitionState;
using projections::Row;
using What = DrillDifference::What;

/// How often a walk looks whether it is to stop.
constexpr std::int64_t kRowsPerLook = 1000;

template <typename Bytes>
std::string ShortHex(const Bytes& bytes) {
  return HexEncode({reinterpret_cast<const char*>(bytes.data()), 8});
}

/// A part of `text` that begins a little before `from`.
std::string Excerpt(std::string_view text, std::size_t from) {
  constexpr std::size_t kBefore = 30;
  constexpr std::string_view kCut = "…";
  const std::size_t begin = from > kBefore ? from - kBefore : 0;
  std::string excerpt(begin > 0 ? kCut : "");
  const std::string_view rest = text.substr(std::min(begin, text.size()));
  const std::size_t room = kDrillTextMax - 2 * kCut.size();
  excerpt.append(rest.substr(0, room));
  if (rest.size() > room) excerpt.append(kCut);
  return excerpt;
}

/// What stands beside a row's value.
std::string Origin(const Row& row) {
  return "offset " + std::to_string(row.offset.value) + ", time " + std::to_string(row.time_ms) +
         ", hash " + ShortHex(row.hash);
}

std::string Cursor(const PartitionState& state) {
  return "next " + std::to_string(state.next.value) + ", first " +
         std::to_string(state.first.value) + ", records " + std::to_string(state.records) +
         ", documents " + std::to_string(state.documents) + ", chain " + ShortHex(state.chain) +
         ", digest " + state.digest.Hex().substr(0, 16);
}

DrillDifference OfRows(Partition partition, const Row* kept, const Row* rebuilt) {
  DrillDifference difference;
  difference.partition = partition;
  difference.key = kept != nullptr ? kept->key : rebuilt->key;
  if (kept == nullptr) {
    difference.what = What::kMissing;
    difference.rebuilt = Excerpt(rebuilt->value, 0);
  } else if (rebuilt == nullptr) {
    difference.what = What::kUnexpected;
    difference.kept = Excerpt(kept->value, 0);
  } else if (kept->value == rebuilt->value) {
    difference.kept = Origin(*kept);
    difference.rebuilt = Origin(*rebuilt);
  } else {
    const auto [at, end] = std::mismatch(kept->value.begin(), kept->value.end(),
                                         rebuilt->value.begin(), rebuilt->value.end());
    const auto from = static_cast<std::size_t>(at - kept->value.begin());
    difference.kept = Excerpt(kept->value, from);
    difference.rebuilt = Excerpt(rebuilt->value, from);
  }
  return difference;
}

bool SameRow(const Row& a, const Row& b) {
  return a.value == b.value && a.hash == b.hash && a.offset == b.offset && a.time_ms == b.time_ms;
}

/// Whether two positions agree in all that does not follow from the rows.
bool SameFold(const PartitionState& a, const PartitionState& b) {
  return a.first == b.first && a.next == b.next && a.index == b.index && a.chain == b.chain &&
         a.records == b.records;
}

}  // namespace

struct ModelComparison::Walk {
  Partition partition;
  std::unique_ptr<ModelSnapshot::Rows> kept;
  std::unique_ptr<ModelSnapshot::Rows> rebuilt;
  Digest recomputed;
  bool readable = true;  ///< So far every live row could be read.
  bool equal = true;
};

void ModelComparison::Differ(Walk* walk, DrillDifference difference) {
  walk->equal = false;
  if (differences_.size() < kDrillDifferencesMax) differences_.push_back(std::move(difference));
}

Result<std::optional<Row>> ModelComparison::NextKept(Walk* walk) {
  Result<std::optional<Row>> row = walk->kept->Next();
  if (!row.ok()) {
    if (row.error().code() != ErrorCode::kCorruption) return row;
    // The rows behind it cannot be reached, so nothing is said of them.
    walk->readable = false;
    Differ(walk, {walk->partition, std::nullopt, What::kChanged, row.error().message(), {}});
    return std::optional<Row>();
  }
  if (*row) {
    walk->recomputed.Add(projections::HashDocument(program_, (*row)->key, (*row)->value));
  }
  return row;
}

Status ModelComparison::WalkRows(const std::stop_token& stop, Walk* walk) {
  BITACORA_ASSIGN_OR_RETURN(std::optional<Row> kept, NextKept(walk));
  BITACORA_ASSIGN_OR_RETURN(std::optional<Row> rebuilt, walk->rebuilt->Next());
  for (std::int64_t rows = 0; walk->readable && (kept || rebuilt); ++rows) {
    if (rows % kRowsPerLook == 0 && stop.stop_requested()) {
      return Error(ErrorCode::kUnavailable, "the server is shutting down");
    }
    const bool take_kept = kept && (!rebuilt || kept->key <= rebuilt->key);
    const bool take_rebuilt = rebuilt && (!kept || rebuilt->key <= kept->key);
    if (!take_kept || !take_rebuilt || !SameRow(*kept, *rebuilt)) {
      Differ(walk, OfRows(walk->partition, take_kept ? &*kept : nullptr,
                          take_rebuilt ? &*rebuilt : nullptr));
    }
    if (take_kept) {
      BITACORA_ASSIGN_OR_RETURN(kept, NextKept(walk));
    }
    if (take_rebuilt) {
      BITACORA_ASSIGN_OR_RETURN(rebuilt, walk->rebuilt->Next());
    }
  }
  return {};
}

Result<DrillPartition> ModelComparison::Compare(Partition partition, const std::stop_token& stop) {
  BITACORA_ASSIGN_OR_RETURN(const PartitionState kept, kept_.State(partition));
  BITACORA_ASSIGN_OR_RETURN(const PartitionState rebuilt, rebuilt_.State(partition));
  Walk walk;
  walk.partition = partition;
  walk.kept = kept_.RowsOf(partition);
  walk.rebuilt = rebuilt_.RowsOf(partition);
  BITACORA_RETURN_IF_ERROR(WalkRows(stop, &walk));
  // Rows that differ explain counts and digests that do, but not another position.
  const bool same_sums = kept.digest == walk.recomputed && kept.digest == rebuilt.digest &&
                         kept.documents == rebuilt.documents;
  if (!SameFold(kept, rebuilt) || (walk.equal && !same_sums)) {
    Differ(&walk, {partition, std::nullopt, What::kCursor, Cursor(kept), Cursor(rebuilt)});
  }
  DrillPartition compared = KeptPartition(partition, kept);
  if (walk.readable) compared.recomputed = walk.recomputed.Hex();
  compared.rebuilt = rebuilt.digest.Hex();
  compared.equal = walk.equal;
  return compared;
}

DrillPartition KeptPartition(Partition partition, const PartitionState& kept) {
  DrillPartition known;
  known.partition = partition;
  known.offset = kept.next;
  known.documents = kept.documents;
  known.kept = kept.digest.Hex();
  return known;
}

}  // namespace bitacora::consumers
