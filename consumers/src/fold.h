// The one way in which records become documents: of the live models and of a drill's.
#pragma once

#include <span>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/projections/projection.h>
#include <bitacora/projections/read_model_store.h>

namespace bitacora::consumers {

/// The program of every model in this release.
const projections::Projection& ProgramOfModels();

/// Folds `records`, all there are before `next`, into `batch` and writes them with the position
/// they lead to: `next`, or that of the first record that could not be folded. An error: nothing
/// was written, and `state` is what it was.
Result<projections::Projection::Folded> FoldAndCommit(
    const projections::Source& source, std::span<const projections::SourceRecord> records,
    Offset next, projections::DocumentBatch& batch, projections::PartitionState* state);

}  // namespace bitacora::consumers
