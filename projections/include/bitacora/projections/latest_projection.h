// The projection every topic has: the last event of each stream.
#pragma once

#include <string_view>

#include <bitacora/projections/projection.h>

namespace bitacora::projections {

/// Owned topics: a document for each stream. Adopted: for each record key; a tombstone removes it,
/// records without a key are passed over.
///
/// A document's value is the answer of the API as it is sent:
///   {"key":"o-1","version":3,"time":"2026-03-01T12:00:00Z","event":{…}}
/// with the event as AppendEventJson writes it, its partition and offset included, and null for a
/// version or a time there is not. A shifted offset therefore shows in the digest.
class LatestProjection final : public Projection {
 public:
  std::string_view program() const override { return "latest/1"; }

  /// Of each key only the last record is decoded: earlier ones leave no trace. Never fails.
  Folded Fold(const Source& source, std::span<const SourceRecord> records,
              Documents& documents) const override;
};

}  // namespace bitacora::projections
