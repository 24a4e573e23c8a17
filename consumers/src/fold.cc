#include "src/fold.h"

#include <bitacora/projections/latest_projection.h>

namespace bitacora::consumers {

const projections::Projection& ProgramOfModels() {
  static const projections::LatestProjection latest;
  return latest;
}

Result<projections::Projection::Folded> FoldAndCommit(
    const projections::Source& source, std::span<const projections::SourceRecord> records,
    Offset next, projections::DocumentBatch& batch, projections::PartitionState* state) {
  projections::Projection::Folded folded = ProgramOfModels().Fold(source, records, batch);
  projections::PartitionState moved = *state;
  for (std::size_t i = 0; i < folded.records; ++i) {
    moved.chain = NextChain(moved.chain, records[i].record);
  }
  moved.records += static_cast<std::int64_t>(folded.records);
  moved.next = folded.records == records.size() ? next : records[folded.records].record.offset;
  BITACORA_RETURN_IF_ERROR(batch.Commit(&moved));
  *state = moved;
  return folded;
}

}  // namespace bitacora::consumers
