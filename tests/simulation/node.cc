#include "simulation/node.h"

#include <filesystem>
#include <utility>

#include "src/fold.h"

namespace bitacora::simulation {
namespace {

using event_store::FoldBatch;
using event_store::StateDb;
using projections::DocumentBatch;
using projections::ReadModelStore;

constexpr std::int64_t kMistakeEvery = 7;  // Batches.
constexpr std::int64_t kWriteLaterEvery = 3;

}  // namespace

Node::Node(event_store::Log& log, TopicName topic, std::string log_id, std::int32_t partitions,
           std::string directory, Mistake mistake)
    : log_(log),
      topic_(std::move(topic)),
      log_id_(std::move(log_id)),
      partitions_(partitions),
      directory_(std::move(directory)),
      mistake_(mistake) {}

std::string Node::Directory(std::string_view kind) const {
  return directory_ + "/" + std::string(kind);
}

Status Node::Open() {
  BITACORA_ASSIGN_OR_RETURN(state_, StateDb::Open(Directory("state"), log_.id(), true, disk_));
  BITACORA_ASSIGN_OR_RETURN(const auto topic, state_->OpenTopic(topic_, log_id_, partitions_));
  topic_number_ = topic.number;
  ReadModelStore::Options options;
  options.directory = Directory("models");
  options.file_system = disk_;
  options.memory_bytes = 64u << 10;  // RocksDB's least: documents become files often.
  options.write_at_close = false;    // It waits a second for a disk that is cut off.
  BITACORA_ASSIGN_OR_RETURN(models_, ReadModelStore::Open(options));
  const std::string program(consumers::ProgramOfModels().program());
  BITACORA_ASSIGN_OR_RETURN(
      model_, models_->OpenModel(topic_.str() + ".latest", {log_id_, program, partitions_, true}));
  std::vector<event_store::PartitionState> folds;
  std::vector<projections::PartitionState> applied;
  for (std::int32_t i = 0; i < partitions_; ++i) {
    BITACORA_ASSIGN_OR_RETURN(const auto fold, state_->LoadPartition(KeyOf(Partition(i))));
    folds.push_back(fold);
    BITACORA_ASSIGN_OR_RETURN(const auto model, models_->State(model_, Partition(i)));
    applied.push_back(model);
  }
  folds_ = std::move(folds);
  applied_ = std::move(applied);
  return {};
}

Status Node::Fold(Partition partition, std::size_t max, const Visit& visit) {
  event_store::PartitionState moved = folded(partition);
  BITACORA_ASSIGN_OR_RETURN(const auto page,
                            log_.Fetch({topic_, partition}, moved.fold.next, {.records_max = max}));
  const bool mistaken = ++batches_ % kMistakeEvery == 0;
  FoldBatch batch(*state_);
  std::size_t index = 0;
  for (const StoredRecord& record : page.records) {
    // The first of several: the last would be met again, since nothing behind it moves the fold on.
    const bool passed_over = ++index == 1 && page.records.size() > 1;
    if (mistaken && mistake_ == Mistake::kPassOverRecord && passed_over) continue;
    BITACORA_ASSIGN_OR_RETURN(const auto step, batch.Fold(KeyOf(partition), record, &moved));
    if (!step) return Error(ErrorCode::kInternal, "a record of rule 1 needs a newer one");
    visit(record, *step);
  }
  if (!mistaken || mistake_ != Mistake::kForgetPosition) batch.Save(KeyOf(partition), moved);
  BITACORA_RETURN_IF_ERROR(batch.Commit());
  // What is left for later is written with the next, or lost with the power.
  if (batches_ % kWriteLaterEvery != 0) BITACORA_RETURN_IF_ERROR(state_->Write());
  folds_[static_cast<std::size_t>(partition.value)] = moved;
  return {};
}

StateDb::FromLog Node::FromLog(Partition partition) const {
  return [this, partition](std::span<const Offset> offsets) {
    ++copies_missed_;
    return log_.FetchEach({topic_, partition}, offsets);
  };
}

Status Node::Apply(Partition partition, std::size_t max) {
  auto& applied = applied_[static_cast<std::size_t>(partition.value)];
  const Offset end = folded(partition).fold.next;
  // After a power cut the state may be older than the models: then they wait for it.
  if (applied.next >= end) return {};
  std::vector<projections::SourceRecord> records;
  Offset next = end;
  BITACORA_RETURN_IF_ERROR(state_->ScanAdmitted(
      KeyOf(partition), applied.next, FromLog(partition), [&](StateDb::Admitted admitted) {
        if (records.size() == max) {
          next = admitted.offset;
          return false;
        }
        records.push_back({*std::move(admitted.record), admitted.first_version, admitted.count});
        return true;
      }));
  const bool mistaken = ++batches_ % kMistakeEvery == 0;
  if (mistaken && mistake_ == Mistake::kPassOverDocument && !records.empty()) records.pop_back();
  DocumentBatch batch(*models_, model_, partition);
  BITACORA_ASSIGN_OR_RETURN(
      const auto folded,
      consumers::FoldAndCommit({topic_, partition, true}, records, next, batch, &applied));
  return folded.status;
}

Status Node::LosePower(std::uint64_t seed, std::int64_t again) {
  disk_->CutAt(1);  // Nor does closing write anything.
  models_.reset();
  state_.reset();
  disk_->ComeBack(seed);
  disk_->CutAt(again);
  return Open();
}

Status Node::Forget(bool state) {
  models_.reset();
  state_.reset();
  std::filesystem::remove_all(Directory(state ? "state" : "models"));
  return Open();
}

}  // namespace bitacora::simulation
