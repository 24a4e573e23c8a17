// The read models of this node, kept up with the log by workers of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/clock.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/domain/position.h>
#include <bitacora/event_store/event_store.h>
#include <bitacora/projections/read_model_store.h>

namespace bitacora::consumers {

struct ReadModelsOptions {
  std::string directory;  ///< Of their RocksDB. May be deleted while the process is down.
  /// Workers. More than one is at it only where there is more to fold than in one go, as while a
  /// model is rebuilt, or somebody waits for it.
  std::size_t threads = 2;
  /// What a worker folds before it turns to the next partition, and writes at once.
  std::size_t batch_records_max = 8192;
  std::size_t batch_bytes_max = 4u << 20;
  /// How long what was applied may wait for more to be folded with it, as long as nobody waits for
  /// a position of a model. So much later than the log a model is on an idle node; up to ten times
  /// as long where folding takes more than a tenth of the time.
  milliseconds gather{10};
  /// How long a worker leaves a partition alone that could not be read for the moment.
  milliseconds retry_after{1000};
};

/// An answer of a read model, with what it is an answer of.
struct Document {
  std::string json;     ///< As LatestProjection makes it.
  std::string applied;  ///< A position, formatted: at least this was applied when it was read.
  std::string build;
};

struct DocumentQuery {
  std::string prefix;  ///< Only keys that begin so.
  std::string cursor;  ///< DocumentPage::next of the page before; empty: from the first key.
  std::size_t limit = 100;
  std::size_t bytes_max = 4u << 20;  ///< At least one document comes all the same.
};

struct DocumentPage {
  std::vector<std::string> documents;  ///< In the order of the bytes of their keys.
  std::optional<std::string> next;     ///< Nothing: this was the last page.
  std::string applied;                 ///< As of Document.
  std::string build;
};

struct ModelProgress {
  std::string model;
  TopicPartition at;
  Offset applied;  ///< Next offset to fold.
  std::int64_t documents = 0;
  std::string problem;  ///< Why it stopped, in a sentence; empty: it has not.
};

/// What a drill compares with the log: a model at one moment.
struct ModelView {
  projections::Model model;
  std::unique_ptr<projections::ModelSnapshot> snapshot;
};

/// Thread-safe. The only models of this release are `{topic}.latest`. An owned topic's always runs;
/// an adopted topic's begins when somebody first asks for it, and goes on from then, over restarts
/// too.
///
/// Workers follow EventStore::OnApplied, each partition with a position of its own, a batch at a
/// time in turns. Where an event cannot be folded, the model stops at it in that partition and says
/// so in Progress; what is there keeps being answered. A topic made anew has its model made anew.
///
/// Calls that do not say otherwise do I/O and belong on a thread that may wait. kNotFound
/// "read-model-unknown" is said by each where there is no such topic; kUnavailable where the log
/// had to be asked about the topic and cannot be reached; kCorruption "state-damaged".
class ReadModels {
 public:
  /// Opens the models and starts the workers. `store`, `clock` and `metrics` must outlive it.
  /// kCorruption "state-damaged": deleting the directory is safe.
  static Result<std::unique_ptr<ReadModels>> Open(const ReadModelsOptions& options,
                                                  event_store::EventStore& store,
                                                  const Clock& clock, Metrics& metrics);
  /// Answers all who wait with an error.
  virtual ~ReadModels() = default;

  /// kNotFound "document-unknown".
  virtual Result<Document> Get(const std::string& model, std::string_view key) = 0;
  /// What Get would say, for a thread that may not wait. Nothing: only Get can tell, or the model
  /// does not run yet or is catching up.
  virtual std::optional<Result<Document>> TryGet(const std::string& model,
                                                 std::string_view key) = 0;
  /// kInvalidArgument "invalid-cursor".
  virtual Result<DocumentPage> List(const std::string& model, const DocumentQuery& query) = 0;

  /// What the model has to apply before its documents are those of the topic: all that the topic
  /// held when the model was started, after a crash or anew. Empty once it has, and from then on;
  /// partitions in which it stopped are left out. Until then Get and List answer with what there
  /// is, which is for those who have waited in vain, or ask how it goes.
  virtual Result<Position> CatchingUpTo(const std::string& model) = 0;

  using WaitCallback = std::function<void(Status)>;
  /// Calls back once, maybe at once on this thread: success when everything before `position` is
  /// applied. kUnavailable "read-model-behind" at the deadline, "read-model-stopped" where a
  /// partition it waits for has stopped. kInvalidArgument "position-from-another-log". The callback
  /// must not block.
  virtual void WhenApplied(const std::string& model, const Position& position, Deadline deadline,
                           WaitCallback callback) = 0;

  /// For shutting down: as EventStore::EndWaits.
  virtual void EndWaits() = 0;

  /// Of every model that runs. Does no I/O.
  virtual std::vector<ModelProgress> Progress() const = 0;

  /// The model as it is now, for as long as one looks. Must not outlive this.
  virtual Result<ModelView> View(const std::string& model) = 0;
};

/// The topic whose latest model is called `model`; nothing where the name is none of such a model.
std::optional<TopicName> TopicOfModel(std::string_view model);
std::string LatestModelOf(const TopicName& topic);

}  // namespace bitacora::consumers
