#include "src/store/unwritten.h"

#include <algorithm>
#include <utility>

namespace bitacora::event_store {
namespace {

std::shared_ptr<const AdmittedRun> AsItIs(const std::shared_ptr<AdmittedRun>& run) {
  if (run->full()) return run;
  return std::make_shared<const AdmittedRun>(*run);
}

/// The last run that does not begin behind `from`, or the first.
template <typename Runs>
auto RunThatMayHold(const Runs& runs, Offset from) {
  const auto behind =
      std::upper_bound(runs.begin(), runs.end(), from,
                       [](Offset offset, const auto& run) { return offset < run->first(); });
  return behind == runs.begin() ? behind : std::prev(behind);
}

}  // namespace

void Unwritten::Add(Changes& changes) {
  appends_.merge(changes.appends);
  for (Admitted& admitted : changes.admitted) {
    const AppendPlace place{admitted.offset, admitted.count, AddToRun(admitted)};
    streams_[std::move(admitted.stream)].push_back({admitted.first_version, place});
  }
  for (auto& [partition, fold] : changes.folds) folds_[partition] = std::move(fold);
}

Offset Unwritten::AddToRun(Admitted& admitted) {
  auto& runs = runs_[admitted.partition];
  if (runs.empty() || runs.back()->full()) {
    runs.push_back(std::make_shared<AdmittedRun>(admitted.offset));
  }
  copied_bytes_ += admitted.copy.size();
  runs.back()->Add(admitted.offset, admitted.first_version, admitted.count,
                   std::move(admitted.copy));
  return runs.back()->first();
}

void Unwritten::RunsFrom(const PartitionKey& partition, Offset from, Runs* out) const {
  const auto found = runs_.find(partition);
  if (found == runs_.end()) return;
  const auto& runs = found->second;
  for (auto run = RunThatMayHold(runs, from); run != runs.end(); ++run) {
    out->push_back(AsItIs(*run));
  }
}

std::shared_ptr<const AdmittedRun> Unwritten::FindRun(const PartitionKey& partition,
                                                      Offset first) const {
  const auto found = runs_.find(partition);
  if (found == runs_.end()) return nullptr;
  const auto run = RunThatMayHold(found->second, first);
  return (*run)->first() == first ? AsItIs(*run) : nullptr;
}

}  // namespace bitacora::event_store
