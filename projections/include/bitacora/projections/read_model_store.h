// Where read models live: documents, and beside them how far each partition has been folded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/ids.h>
#include <bitacora/projections/digest.h>
#include <bitacora/projections/projection.h>

namespace rocksdb {
class FileSystem;
}

namespace bitacora::projections {

/// What makes a model this one and no other. Where any of it changes, the model is made anew.
struct ModelIdentity {
  std::string log_id;   ///< Of the topic: another one if it was deleted and made again.
  std::string program;  ///< Projection::program().
  std::int32_t partitions = 0;
  bool owned = true;
  bool operator==(const ModelIdentity&) const = default;
};

struct Model {
  std::string name;          ///< "orders.latest"
  std::uint32_t number = 0;  ///< In keys. Never used again in the same store.
  ModelIdentity identity;
};

/// How far one partition of a model has been folded, and what came of it.
struct PartitionState {
  Offset first;  ///< Where the history it was folded from begins: the earliest offset then.
  Offset next;   ///< The first offset not folded yet.
  std::int32_t index = 0;  ///< Events of that record that are folded; always 0 in this release.
  /// NextChain over the records that were folded: one left out or folded twice shows.
  Chain chain{};
  Digest digest;  ///< Of its documents.
  std::int64_t documents = 0;
  std::int64_t records = 0;  ///< Folded so far.
  bool operator==(const PartitionState&) const = default;
};

/// A document, and which record made it so.
struct Row {
  std::string key;
  std::string value;
  Sha256Digest hash{};  ///< As stored when it was written.
  Offset offset;
  std::int64_t time_ms = 0;
};

/// What a model was at one moment, however long one looks. Must not outlive the store. For one
/// thread.
class ModelSnapshot {
 public:
  virtual ~ModelSnapshot() = default;

  virtual Result<PartitionState> State(Partition partition) const = 0;

  /// The rows of one partition in the order of the bytes of their keys.
  class Rows {
   public:
    virtual ~Rows() = default;
    /// Nothing: there are no more. kCorruption.
    virtual Result<std::optional<Row>> Next() = 0;
  };
  virtual std::unique_ptr<Rows> RowsOf(Partition partition) const = 0;
};

/// Thread-safe; one DocumentBatch at a time per partition of a model. Calls do I/O and may block.
///
/// Every batch carries the position it leads to and the digest. Batches are in memory until there
/// are enough of them for a file: after a crash the store is older, never different. Models that
/// were made or dropped stay so. It may be deleted while nobody has it open: it comes back from the
/// log.
class ReadModelStore {
 public:
  struct Options {
    std::string directory = {};
    bool read_only = false;  ///< Of a store nobody else has open; DocumentBatch and Drop then fail.
    std::size_t cache_bytes = 32u << 20;
    std::size_t memory_bytes = 16u << 20;  ///< Of rows, before they become a file.
    // For tests.
    bool write_at_close = true;  ///< Else closing leaves what a kill does.
    std::shared_ptr<rocksdb::FileSystem> file_system = nullptr;  ///< Another than the disk's.
  };

  /// A store of another format, or with files that cannot be read, is emptied; read only, those are
  /// kConflict "other-format" and kCorruption, and a directory that is not there kNotFound.
  /// kCorruption "state-damaged"; kPermissionDenied: no right to the directory, or somebody else
  /// has it open.
  static Result<std::unique_ptr<ReadModelStore>> Open(const Options& options);
  ~ReadModelStore();
  ReadModelStore(const ReadModelStore&) = delete;
  ReadModelStore& operator=(const ReadModelStore&) = delete;

  /// By name.
  Result<std::vector<Model>> Models() const;
  Result<std::optional<Model>> FindModel(std::string_view name) const;
  /// The model of this name, made where there is none. One of another identity is dropped, and this
  /// one begins empty.
  Result<Model> OpenModel(std::string_view name, const ModelIdentity& identity);
  /// Removes the model with its documents; no error where there is none.
  Status DropModel(std::string_view name);
  /// Empties one partition; it begins again at `first`.
  Status ResetPartition(const Model& model, Partition partition, Offset first);

  /// Of a partition nothing has been folded into yet: a PartitionState as it is made.
  Result<PartitionState> State(const Model& model, Partition partition) const;

  /// The value of one document, nothing where there is none. Adopted topics may have a key in
  /// several partitions: the one made by the newest record counts, then the higher partition. A
  /// tombstone removes the document of its own partition only.
  Result<std::optional<std::string>> Get(const Model& model, std::string_view key) const;
  /// The same from memory alone. Nothing: it would take I/O to know.
  std::optional<Result<std::optional<std::string>>> TryGet(const Model& model,
                                                           std::string_view key) const;

  struct ListQuery {
    std::string prefix = {};                ///< Only keys that begin so.
    std::optional<std::string> after = {};  ///< Only keys behind this one.
    std::size_t limit = 100;                ///< At least one.
    std::size_t bytes_max = 4u << 20;  ///< Of values; at least one document comes all the same.
  };
  struct Page {
    std::vector<std::string> values;
    std::optional<std::string> last_key;  ///< Nothing: there are no more behind this page.
  };
  /// All partitions merged, in the order of the bytes of the keys. A key that is there all the time
  /// is met once by somebody who goes from page to page, whatever changes meanwhile.
  Result<Page> List(const Model& model, const ListQuery& query) const;

  std::unique_ptr<ModelSnapshot> Snapshot(const Model& model) const;

  /// Writes what is in memory to files, as closing the store does. Waits for it.
  Status Flush();

 private:
  friend class DocumentBatch;
  struct Impl;
  explicit ReadModelStore(std::unique_ptr<Impl> impl);
  Status RemoveLeftovers();

  std::unique_ptr<Impl> impl_;
};

/// Changes to the documents of one partition, written at once with the position they lead to. For
/// one thread; must not outlive the store.
class DocumentBatch final : public Documents {
 public:
  DocumentBatch(ReadModelStore& store, Model model, Partition partition);
  ~DocumentBatch() override;
  DocumentBatch(const DocumentBatch&) = delete;
  DocumentBatch& operator=(const DocumentBatch&) = delete;

  Result<std::optional<std::string>> Get(std::string_view key) override;
  void Put(std::string_view key, std::string value, const StoredRecord& cause) override;
  void Remove(std::string_view key) override;

  /// Writes all and starts anew. The caller has moved `state`'s offsets, chain and records; digest
  /// and documents follow the changes and are set here. On an error the store and `state` are what
  /// they were, and the changes are dropped.
  Status Commit(PartitionState* state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitacora::projections
