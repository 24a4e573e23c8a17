#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include <bitacora/base/deadline_timer.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/thread.h>
#include <bitacora/consumers/read_models.h>

#include "src/fold.h"
#include "src/fold_worker.h"
#include "src/running_model.h"
#include "src/work_queue.h"

namespace bitacora::consumers {
namespace {

using event_store::EventStore;
using event_store::Topic;
using event_store::TopicKind;
using event_store::WaitFor;
using projections::ReadModelStore;

constexpr std::string_view kLatestSuffix = ".latest";
/// Partitions whose look-ups together take less than a hand-over between threads.
constexpr std::int32_t kTriedAtOnceMax = 64;

Error ModelUnknown() {
  return {ErrorCode::kNotFound, "there is no read model of this name", "read-model-unknown"};
}

Error Behind(const RunningModel& model) {
  return {ErrorCode::kUnavailable, model.model.name + " has not applied the position yet",
          "read-model-behind"};
}

class ReadModelsImpl final : public ReadModels {
 public:
  ReadModelsImpl(const ReadModelsOptions& options, EventStore& store, const Clock& clock,
                 Metrics& metrics, std::unique_ptr<ReadModelStore> models)
      : options_(options),
        store_(store),
        clock_(clock),
        models_(std::move(models)),
        fold_(store, *models_, {options.batch_records_max, options.batch_bytes_max}, metrics),
        queue_(std::make_shared<WorkQueue>(options.gather)) {}

  ~ReadModelsImpl() override {
    queue_->Close();
    workers_.clear();
    EndWaits();
  }

  Status Start() {
    // The queue outlives this where the store does: a listener cannot be taken back.
    store_.OnApplied([queue = queue_](const TopicPartition& at) { queue->Add(at); });
    BITACORA_ASSIGN_OR_RETURN(const std::vector<projections::Model> known, models_->Models());
    for (const projections::Model& model : known) {
      if (const auto topic = TopicOfModel(model.name)) queue_->Add({*topic, Partition(0)});
    }
    // Those that are met later are heard of by what is applied of them.
    for (const event_store::PartitionProgress& progress : store_.Progress()) {
      if (progress.at.partition == Partition(0)) queue_->Add(progress.at);
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i) {
      workers_.push_back(StartThread("read-model-" + std::to_string(i),
                                     [this](const std::stop_token&) { Run(); }));
    }
    return {};
  }

  Result<Document> Get(const std::string& name, std::string_view key) override {
    BITACORA_ASSIGN_OR_RETURN(const auto model, Find(name));
    std::string applied = model->Applied();
    return DocumentOf(*model, std::move(applied), models_->Get(model->model, key));
  }

  std::optional<Result<Document>> TryGet(const std::string& name, std::string_view key) override {
    const std::optional<TopicName> topic = TopicOfModel(name);
    const auto model = topic ? FindRunning(*topic) : nullptr;
    // An adopted topic may have a key in any of a thousand partitions.
    if (model == nullptr || model->topic.partitions > kTriedAtOnceMax) return std::nullopt;
    if (!model->CatchingUpTo(store_).next.empty()) return std::nullopt;
    std::string applied = model->Applied();
    auto json = models_->TryGet(model->model, key);
    if (!json) return std::nullopt;
    return DocumentOf(*model, std::move(applied), std::move(*json));
  }

  Result<DocumentPage> List(const std::string& name, const DocumentQuery& query) override {
    ReadModelStore::ListQuery rows;
    rows.prefix = query.prefix;
    rows.limit = query.limit;
    rows.bytes_max = query.bytes_max;
    if (!query.cursor.empty()) {
      rows.after = Base64UrlDecode(query.cursor);
      if (!rows.after) {
        return Error(ErrorCode::kInvalidArgument, "the cursor is none that a page gave",
                     "invalid-cursor");
      }
    }
    BITACORA_ASSIGN_OR_RETURN(const auto model, Find(name));
    DocumentPage page;
    page.applied = model->Applied();
    page.build = model->build;
    BITACORA_ASSIGN_OR_RETURN(ReadModelStore::Page found, models_->List(model->model, rows));
    page.documents = std::move(found.values);
    if (found.last_key) page.next = Base64UrlEncode(*found.last_key);
    return page;
  }

  Result<Position> CatchingUpTo(const std::string& name) override {
    BITACORA_ASSIGN_OR_RETURN(const auto model, Find(name));
    return model->CatchingUpTo(store_);
  }

  void WhenApplied(const std::string& name, const Position& position, Deadline deadline,
                   WaitCallback callback) override {
    const auto found = Find(name);
    if (!found.ok()) {
      callback(found.error());
      return;
    }
    const std::shared_ptr<RunningModel>& model = *found;
    if (!position.next.empty() && position.log_tag != model->log_tag) {
      callback(Error(ErrorCode::kInvalidArgument,
                     "the position is of another topic, or of this one before it was made anew",
                     "position-from-another-log"));
      return;
    }
    if (const Status stopped = model->StoppedBefore(position); !stopped.ok()) {
      callback(stopped);
      return;
    }
    model->applied.Wait(position, WaitFor::kAll, deadline,
                        [model, position, hurry = WorkQueue::BeginHurry(queue_),
                         callback = std::move(callback)](bool fulfilled) {
                          if (fulfilled) {
                            callback({});
                            return;
                          }
                          Status stopped = model->StoppedBefore(position);
                          callback(stopped.ok() ? Status(Behind(*model)) : stopped);
                        });
  }

  void EndWaits() override {
    {
      MutexLock lock(mu_);
      waits_ended_ = true;
    }
    for (const auto& model : Running()) model->applied.Close();
  }

  std::vector<ModelProgress> Progress() const override {
    std::vector<ModelProgress> progress;
    for (const auto& model : Running()) {
      const std::vector<Offset> applied = model->applied.Applied();
      for (std::size_t i = 0; i < model->partitions.size(); ++i) {
        const RunningPartition& partition = *model->partitions[i];
        progress.push_back({model->model.name, partition.at, applied[i], partition.documents(),
                            partition.Stopped().value_or("")});
      }
    }
    return progress;
  }

  Result<ModelView> View(const std::string& name) override {
    BITACORA_ASSIGN_OR_RETURN(const auto model, Find(name));
    return ModelView{model->model, models_->Snapshot(model->model)};
  }

 private:
  static Result<Document> DocumentOf(const RunningModel& model, std::string applied,
                                     Result<std::optional<std::string>> json) {
    if (!json.ok()) return json.error();
    if (!*json) {
      return Error(ErrorCode::kNotFound, "the read model has no document of this key",
                   "document-unknown");
    }
    return Document{std::move(**json), std::move(applied), model.build};
  }

  std::vector<std::shared_ptr<RunningModel>> Running() const {
    MutexLock lock(mu_);
    std::vector<std::shared_ptr<RunningModel>> all;
    all.reserve(running_.size());
    for (const auto& [topic, model] : running_) all.push_back(model);
    return all;
  }

  std::shared_ptr<RunningModel> FindRunning(const TopicName& topic) const {
    MutexLock lock(mu_);
    const auto found = running_.find(topic);
    return found == running_.end() ? nullptr : found->second;
  }

  /// The model that answers to `name`, started where it does not run yet.
  Result<std::shared_ptr<RunningModel>> Find(const std::string& name) {
    const std::optional<TopicName> topic = TopicOfModel(name);
    if (!topic) return ModelUnknown();
    if (auto running = FindRunning(*topic)) return running;
    Result<Topic> known = store_.GetTopic(*topic);
    if (!known.ok()) {
      if (known.error().code() == ErrorCode::kNotFound) return ModelUnknown();
      return known.error();
    }
    return Run(*known, nullptr);
  }

  /// Behind all that the topic holds now, be it folded or not.
  Result<Position> WholeOf(const TopicName& topic) {
    const Position folding = store_.CatchingUpTo(topic).value_or(Position());
    // Asked last: what is not to be folded any more is in it then.
    BITACORA_ASSIGN_OR_RETURN(Position whole, store_.LatestPosition(topic));
    for (const auto& [partition, end] : folding.next) {
      whole.next[partition] = std::max(whole.next[partition], end);
    }
    return whole;
  }

  /// Starts the model of `topic`, or finds it started meanwhile, in place of `old`.
  Result<std::shared_ptr<RunningModel>> Run(const Topic& topic, const RunningModel* old) {
    MutexLock starting(starting_mu_);
    if (auto running = FindRunning(topic.name); running != nullptr && running.get() != old) {
      return running;
    }
    BITACORA_ASSIGN_OR_RETURN(const Position earliest, store_.EarliestPosition(topic.name));
    BITACORA_ASSIGN_OR_RETURN(Position whole, WholeOf(topic.name));
    const bool owned = topic.kind == TopicKind::kOwned;
    BITACORA_ASSIGN_OR_RETURN(
        projections::Model model,
        models_->OpenModel(
            LatestModelOf(topic.name),
            {topic.log_id, std::string(ProgramOfModels().program()), topic.partitions, owned}));
    auto running = std::make_shared<RunningModel>(std::move(model), topic, timer_);
    BITACORA_RETURN_IF_ERROR(running->Load(*models_, earliest, std::move(whole)));
    std::shared_ptr<RunningModel> replaced;
    {
      MutexLock lock(mu_);
      if (waits_ended_) running->applied.Close();
      replaced = std::exchange(running_[topic.name], running);
    }
    if (replaced != nullptr) replaced->applied.Close();
    // The first wait makes the store watch an adopted topic.
    if (!owned) store_.WhenApplied(topic.name, {}, WaitFor::kAll, clock_.Now(), [](bool) {});
    for (const auto& partition : running->partitions) queue_->Add(partition->at);
    return running;
  }

  void Run() {
    while (const std::optional<TopicPartition> at = queue_->Take()) {
      queue_->Done(*at, Work(*at));
    }
  }

  WorkQueue::Left Work(const TopicPartition& at) {
    const auto model = FindRunning(at.topic);
    if (model == nullptr) {
      StartIfWanted(at);
      return WorkQueue::Left::kNothing;
    }
    const auto number = static_cast<std::size_t>(at.partition.value);
    if (number >= model->partitions.size()) return WorkQueue::Left::kNothing;
    switch (fold_.FoldSome(*model, *model->partitions[number])) {
      case FoldWorker::Outcome::kAtEnd:
        return WorkQueue::Left::kNothing;
      case FoldWorker::Outcome::kMore:
        return WorkQueue::Left::kMore;
      case FoldWorker::Outcome::kRetry:
        Retry(at);
        return WorkQueue::Left::kNothing;
      case FoldWorker::Outcome::kOtherTopic:
        Replace(at, *model);
        return WorkQueue::Left::kNothing;
    }
    return WorkQueue::Left::kNothing;
  }

  /// Something was applied to a topic without a model: an owned one's always runs, an adopted one's
  /// where it did before.
  void StartIfWanted(const TopicPartition& at) {
    const std::uint32_t tag = store_.Applied(at.topic).log_tag;
    {
      MutexLock lock(mu_);
      const auto passed = passed_over_.find(at.topic);
      if (passed != passed_over_.end() && passed->second == tag) return;
    }
    const Result<Topic> topic = store_.GetTopic(at.topic);
    const auto known = models_->FindModel(LatestModelOf(at.topic));
    if (!topic.ok() || !known.ok()) {
      const Error& error = topic.ok() ? known.error() : topic.error();
      if (error.retryable()) Retry(at);
      return;
    }
    if (topic->kind != TopicKind::kOwned && !*known) {
      MutexLock lock(mu_);
      passed_over_[at.topic] = tag;
      return;
    }
    const auto started = Run(*topic, nullptr);
    if (started.ok()) return;
    LogWarning("a read model cannot be started yet",
               {{"topic", at.topic.str()}, {"error", started.error().ToString()}});
    Retry(at);
  }

  void Replace(const TopicPartition& at, const RunningModel& old) {
    const Result<Topic> topic = store_.GetTopic(at.topic);
    if (topic.ok() && topic->log_id != old.topic.log_id) {
      LogWarning("a topic was made anew; its read model begins again", {{"model", old.model.name}});
      if (Run(*topic, &old).ok()) return;
    }
    Retry(at);
  }

  void Retry(const TopicPartition& at) {
    timer_.Schedule(clock_.Now() + options_.retry_after, [queue = queue_, at] { queue->Add(at); });
  }

  const ReadModelsOptions options_;
  EventStore& store_;
  const Clock& clock_;
  const std::unique_ptr<ReadModelStore> models_;
  FoldWorker fold_;
  /// Shared with the store's listener and the timer's actions.
  const std::shared_ptr<WorkQueue> queue_;
  DeadlineTimer timer_;

  /// Held while a model is started, so that none is twice. Before mu_.
  Mutex starting_mu_;
  mutable Mutex mu_;
  std::map<TopicName, std::shared_ptr<RunningModel>> running_ GUARDED_BY(mu_);
  bool waits_ended_ GUARDED_BY(mu_) = false;  ///< For those that are started after it, too.
  /// Adopted topics nobody asked for a model of, by the log they were of.
  std::map<TopicName, std::uint32_t> passed_over_ GUARDED_BY(mu_);

  std::vector<std::jthread> workers_;  // Last: they use all of the above.
};

}  // namespace

std::optional<TopicName> TopicOfModel(std::string_view model) {
  if (!model.ends_with(kLatestSuffix)) return std::nullopt;
  const Result<TopicName> topic =
      ParseTopicName(model.substr(0, model.size() - kLatestSuffix.size()));
  if (!topic.ok() || IsReservedTopic(*topic)) return std::nullopt;
  return *topic;
}

std::string LatestModelOf(const TopicName& topic) {
  return topic.str() + std::string(kLatestSuffix);
}

Result<std::unique_ptr<ReadModels>> ReadModels::Open(const ReadModelsOptions& options,
                                                     EventStore& store, const Clock& clock,
                                                     Metrics& metrics) {
  BITACORA_ASSIGN_OR_RETURN(auto models, ReadModelStore::Open({options.directory}));
  auto read_models =
      std::make_unique<ReadModelsImpl>(options, store, clock, metrics, std::move(models));
  BITACORA_RETURN_IF_ERROR(read_models->Start());
  return std::unique_ptr<ReadModels>(std::move(read_models));
}

}  // namespace bitacora::consumers
