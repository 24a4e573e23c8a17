#include "simulation/node.h"

#include <filesystem>
#include <set>
#include <utility>

#include "src/fold.h"
#include "support/seed.h"

namespace bitacora::simulation {
namespace {

using event_store::FoldBatch;
using event_store::StateDb;
using projections::DocumentBatch;
using projections::ReadModelStore;

constexpr std::int64_t kMistakeEvery = 7;  // Batches.

/// Leaves the directory of a RocksDB as a power cut does: nothing of its write-ahead log was
/// synced, so that ends anywhere. RocksDB writes nothing when it is closed, only stops.
void CutLog(const std::filesystem::path& directory, std::mt19937_64& random) {
  std::set<std::filesystem::path> logs;  // In an order that a seed repeats.
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() == ".log") logs.insert(file.path());
  }
  for (const auto& log : logs) {
    const std::size_t kept = testing::Below(random, std::filesystem::file_size(log) + 1);
    if (random() % 3 != 0) std::filesystem::resize_file(log, kept);
  }
}

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
  BITACORA_ASSIGN_OR_RETURN(state_, StateDb::Open(Directory("state"), log_.id(), true));
  BITACORA_ASSIGN_OR_RETURN(const auto topic, state_->OpenTopic(topic_, log_id_, partitions_));
  topic_number_ = topic.number;
  ReadModelStore::Options options;
  options.directory = Directory("models");
  BITACORA_ASSIGN_OR_RETURN(models_, ReadModelStore::Open(options));
  const std::string program(consumers::ProgramOfModels().program());
  BITACORA_ASSIGN_OR_RETURN(
      model_, models_->OpenModel(topic_.str() + ".latest", {log_id_, program, partitions_, true}));
  folds_.clear();
  applied_.clear();
  for (std::int32_t i = 0; i < partitions_; ++i) {
    BITACORA_ASSIGN_OR_RETURN(const auto fold, state_->LoadPartition(KeyOf(Partition(i))));
    folds_.push_back(fold);
    BITACORA_ASSIGN_OR_RETURN(const auto applied, models_->State(model_, Partition(i)));
    applied_.push_back(applied);
  }
  return {};
}

Status Node::Fold(Partition partition, std::size_t max, Crash crash, const Visit& visit) {
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
  if (crash == Crash::kBeforeCommit) return {};
  BITACORA_RETURN_IF_ERROR(batch.Commit());
  if (crash == Crash::kAfterCommit) return {};
  folds_[static_cast<std::size_t>(partition.value)] = moved;
  return {};
}

Status Node::Apply(Partition partition, std::size_t max) {
  auto& applied = applied_[static_cast<std::size_t>(partition.value)];
  const Offset end = folded(partition).fold.next;
  // After a power cut the state may be older than the models: then they wait for it.
  if (applied.next >= end) return {};
  std::vector<projections::SourceRecord> records;
  Offset next = end;
  BITACORA_RETURN_IF_ERROR(
      state_->ScanAdmitted(KeyOf(partition), applied.next, [&](StateDb::Admitted admitted) {
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

Status Node::LosePower(std::mt19937_64& random) {
  models_.reset();
  state_.reset();
  CutLog(Directory("state"), random);
  CutLog(Directory("models"), random);
  return Open();
}

Status Node::Forget(bool state) {
  models_.reset();
  state_.reset();
  std::filesystem::remove_all(Directory(state ? "state" : "models"));
  return Open();
}

}  // namespace bitacora::simulation
