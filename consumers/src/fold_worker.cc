#include "src/fold_worker.h"

#include <utility>

#include <bitacora/base/log.h>

#include "src/fold.h"

namespace bitacora::consumers {

using event_store::PartitionPage;
using event_store::TopicKind;
using projections::PartitionState;
using projections::SourceRecord;

FoldWorker::FoldWorker(event_store::EventStore& store, projections::ReadModelStore& models,
                       event_store::Log::FetchLimits limits, Metrics& metrics)
    : store_(store),
      models_(models),
      limits_(limits),
      records_(metrics.GetCounter("bitacora_read_model_records_total",
                                  "Records folded into read models since start.")),
      batches_(metrics.GetCounter("bitacora_read_model_batches_total",
                                  "Batches committed to read models.")),
      stops_(metrics.GetCounter("bitacora_read_model_stops_total",
                                "Partitions of read models that stopped at an error.")) {}

FoldWorker::Outcome FoldWorker::FoldSome(RunningModel& model, RunningPartition& partition) {
  if (partition.Stopped()) return MadeAnew(model) ? Outcome::kOtherTopic : Outcome::kAtEnd;
  Result<PartitionPage> page = store_.ReadPartition(partition.at, partition.state.next, limits_);
  // Asked after reading: a page of the topic's next life is not folded into the model of this one.
  if (MadeAnew(model)) return Outcome::kOtherTopic;
  if (!page.ok()) return HandleError(model, partition, page.error());
  const bool at_end = page->at_end;
  if (page->next == partition.state.next) return at_end ? Outcome::kAtEnd : Outcome::kMore;

  const Status applied = Apply(model, partition, std::move(*page));
  partition.SetDocuments(partition.state.documents);
  model.applied.Advance(partition.at.partition, partition.state.next);
  if (!applied.ok()) return HandleError(model, partition, applied.error());
  return at_end ? Outcome::kAtEnd : Outcome::kMore;
}

bool FoldWorker::MadeAnew(const RunningModel& model) const {
  const std::uint32_t tag = store_.Applied(model.topic.name).log_tag;
  return tag != 0 && tag != model.log_tag;
}

Status FoldWorker::Apply(const RunningModel& model, RunningPartition& partition,
                         PartitionPage page) {
  std::vector<SourceRecord> records;
  records.reserve(page.records.size());
  for (event_store::TopicRecord& record : page.records) {
    records.push_back({std::move(record.record), record.first_version, record.count});
  }
  const projections::Source source{partition.at.topic, partition.at.partition,
                                   model.topic.kind == TopicKind::kOwned};
  BITACORA_ASSIGN_OR_RETURN(const auto folded, FoldAndCommit(source, records, page.next,
                                                             partition.batch, &partition.state));
  records_.Add(static_cast<double>(folded.records));
  batches_.Add();
  return folded.status;
}

FoldWorker::Outcome FoldWorker::HandleError(RunningModel& model, RunningPartition& partition,
                                            const Error& error) {
  if (error.retryable()) {
    LogWarning("a read model cannot go on for the moment",
               {{"model", model.model.name},
                {"partition", partition.at.partition.value},
                {"error", error.ToString()}});
    return Outcome::kRetry;
  }
  const bool trimmed = model.topic.kind == TopicKind::kAdopted && error.reason() == "log-head-lost";
  return trimmed ? BeginAgain(model, partition, error) : Stop(model, partition, error);
}

FoldWorker::Outcome FoldWorker::BeginAgain(RunningModel& model, RunningPartition& partition,
                                           const Error& error) {
  const Result<Position> earliest = store_.EarliestPosition(partition.at.topic);
  if (!earliest.ok()) return Outcome::kRetry;
  const auto start = earliest->next.find(partition.at.partition);
  if (start == earliest->next.end()) return Stop(model, partition, error);
  const Offset first = start->second.offset;
  LogWarning("a read model begins again: its topic's records before are gone",
             {{"model", model.model.name},
              {"partition", partition.at.partition.value},
              {"first", first.value}});
  const Status reset = models_.ResetPartition(model.model, partition.at.partition, first);
  if (!reset.ok()) return Stop(model, partition, reset.error());
  partition.state = PartitionState();
  partition.state.first = partition.state.next = first;
  partition.SetDocuments(0);
  model.applied.Advance(partition.at.partition, first);
  return Outcome::kMore;
}

FoldWorker::Outcome FoldWorker::Stop(const RunningModel& model, RunningPartition& partition,
                                     const Error& error) {
  LogError("a read model has stopped in one partition",
           {{"model", model.model.name},
            {"partition", partition.at.partition.value},
            {"offset", partition.state.next.value},
            {"error", error.ToString()}});
  stops_.Add();
  partition.Stop(error.message());
  return Outcome::kAtEnd;
}

}  // namespace bitacora::consumers
