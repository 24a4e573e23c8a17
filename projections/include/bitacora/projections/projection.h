// A projection: the program that makes documents of a topic's events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/record.h>

namespace bitacora::projections {

/// One record as projections see it: an admitted append, or a record of an adopted topic.
struct SourceRecord {
  StoredRecord record;
  std::optional<Version> first_version;  ///< Of its first event; owned topics only.
  std::uint32_t count = 1;               ///< Events in it; adopted topics: 1.
};

/// Where the records of one fold come from.
struct Source {
  TopicName topic;
  Partition partition;
  bool owned = true;  ///< Else adopted: the stream is the record's key, and nothing has a version.
};

/// The documents of one partition of a model, as a fold reads and changes them. A document is a key
/// and a value, both bytes. Reads see what the same fold has changed before.
class Documents {
 public:
  virtual ~Documents() = default;

  /// Nothing: there is none. kCorruption, kUnavailable: it cannot be read; the fold ends there.
  virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;
  /// `cause` is the record that made it so: its offset and time are kept beside the document.
  virtual void Put(std::string_view key, std::string value, const StoredRecord& cause) = 0;
  virtual void Remove(std::string_view key) = 0;
};

/// A pure fold: what it changes depends on the records and the documents and on nothing else, no
/// clock, no setting, no earlier call. So a model rebuilt next year on another node has the same
/// bytes. How records are cut into calls must not matter either: Fold(a), Fold(b) leaves what
/// Fold(a + b) leaves. Immutable; any number of threads may fold at once.
class Projection {
 public:
  virtual ~Projection() = default;

  /// Names the program and its version, e.g. "latest/1". Part of every digest; a model made by
  /// another program is made anew.
  virtual std::string_view program() const = 0;

  struct Folded {
    std::size_t records = 0;  ///< So many, from the first on, were folded.
    Status status;            ///< Why the next one could not be; success: all were.
  };
  /// Folds `records`, in the order of their offsets, into `documents`. Where it ends at an error
  /// nothing of the record that failed has been changed.
  virtual Folded Fold(const Source& source, std::span<const SourceRecord> records,
                      Documents& documents) const = 0;
};

}  // namespace bitacora::projections
