#include "simulation/world.h"

#include <algorithm>
#include <filesystem>

#include <bitacora/domain/event_codec.h>

#include "support/seed.h"

namespace bitacora::simulation {
namespace {

using testing::Below;
using tests::MemoryLog;

const TopicName kTopic("orders");
constexpr std::string_view kTopicId = "6f1c9a52-0000-4000-8000-000000000001";
constexpr std::string_view kOtherId = "6f1c9a52-0000-4000-8000-000000000002";
constexpr std::size_t kOldAppends = 60;  ///< Repetitions are of one of the latest so many.

Fingerprint FingerprintOfPrint(const Intent& intent) {
  SubmittedEvent submitted;
  submitted.event.id = PrintOf(intent);
  submitted.event.type = "Tested";
  return FingerprintOf(intent.expected, {submitted});
}

std::string Number(const std::optional<Version>& version) {
  return version ? std::to_string(version->value) : "none";
}

/// In memory where that can be: no disk is tested here, and a thousand seeds sync often.
std::string Somewhere() {
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::string();
}

}  // namespace

World::World(std::uint64_t seed, Mistake mistake)
    : mistake_(mistake),
      random_(seed),
      directory_(Somewhere()),
      partitions_(static_cast<std::int32_t>(1 + random_() % 3)),
      oracles_(static_cast<std::size_t>(partitions_)) {
  const std::size_t streams = 1 + Below(random_, 12);
  for (std::size_t i = 0; i < streams; ++i) streams_.push_back("stream-" + std::to_string(i));
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].node =
        std::make_unique<Node>(log_, kTopic, std::string(kTopicId), partitions_,
                               directory_.path() + "/node-" + std::to_string(i), mistake);
  }
}

void World::Fail(const std::string& what) {
  if (!failure_) failure_ = what;
}

bool World::Done(const Running& running, const Status& status, const std::string& what) {
  if (!running.node->power_is_cut()) Need(status, what);
  return status.ok();
}

void World::Need(const Status& status, const std::string& what) {
  if (!status.ok()) Fail(what + ": " + status.error().ToString());
}

Partition World::AnyPartition() {
  return Partition(static_cast<std::int32_t>(random_() % static_cast<unsigned>(partitions_)));
}

std::optional<std::string> World::Run(int steps) {
  Begin();
  for (int step = 0; step < steps && !failure_; ++step) {
    Step();
    if (failure_) return "step " + std::to_string(step) + ": " + *failure_;
  }
  if (!failure_) CatchUp();
  return failure_;
}

void World::Begin() {
  Need(log_.CreateTopic(kTopic, partitions_), "making the topic");
  for (std::int32_t i = 0; i < partitions_; ++i) {
    Intent genesis;
    genesis.kind = Intent::Kind::kGenesis;
    if (Chance(200)) {
      const Intent early = NewAppend();
      Write(Partition(i), early, RecordOf(early));
    }
    Write(Partition(i), genesis, MakeGenesis({std::string(kTopicId), partitions_}));
  }
  for (Running& running : nodes_) Need(running.node->Open(), "opening");
}

void World::Step() {
  Act();
  for (Running& running : nodes_) {
    if (running.node->power_is_cut()) LosePower(running);
  }
}

void World::Act() {
  const auto chance = static_cast<int>(random_() % 1000);
  if (chance < 380) return Send(NewAppend());
  if (chance < 470) return Send(OldAppend());
  if (chance < 510) return WriteForeign();
  if (chance < 760) return Fold(AnyNode());
  if (chance < 890) return Apply(AnyNode());
  if (chance < 950) return ReadStream(AnyNode());
  if (chance < 994) return AskForAppend(AnyNode());
  Running& running = AnyNode();
  if (chance < 998) return running.node->CutPowerAt(SomeCall());
  if (chance < 999) {
    Done(running, running.node->FlushModels(), "flushing");
    return;
  }
  running.waiting.clear();
  Done(running, running.node->Forget(Chance(500)), "deleting what comes back");
}

// ---- What may happen

Intent World::NewAppend() {
  Intent intent;
  intent.stream = streams_[Below(random_, streams_.size())];
  intent.body = "b" + std::to_string(++bodies_);
  intent.id = "id-" + intent.body;
  intent.count = Chance(700) ? 1 : static_cast<std::uint32_t>(2 + random_() % 19);
  const Oracle& oracle = oracles_[static_cast<std::size_t>(HomeOf(intent.stream).value)];
  const auto head = oracle.HeadAt(intent.stream, oracle.end());
  if (Chance(100)) {
    intent.expected.kind = Expected::Kind::kNew;
  } else if (Chance(100)) {
    intent.expected.kind = Expected::Kind::kExists;
  } else if (Chance(600)) {
    // Mostly the head, sometimes one that was.
    intent.expected = {Expected::Kind::kVersion, Version(head ? head->value : 0)};
    if (Chance(300) && intent.expected.version.value > 0) {
      intent.expected.version = Version(intent.expected.version.value - 1);
    }
  }
  sent_.push_back(intent);
  return intent;
}

Intent World::OldAppend() {
  if (sent_.empty()) return NewAppend();
  const std::size_t latest = std::min(sent_.size(), kOldAppends);
  Intent intent = sent_[sent_.size() - 1 - Below(random_, latest)];
  if (Chance(100)) intent.body += "-other";  // The key of one append for another.
  return intent;
}

Record World::RecordOf(const Intent& intent) const {
  Record record = MakeAttempt(StreamName(intent.stream), AppendId(intent.id), intent.expected,
                              intent.count, FingerprintOfPrint(intent));
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < intent.count; ++i) {
    Event event;
    event.id = intent.body + "/" + std::to_string(i);
    event.source = "/simulation";
    event.type = "Tested";
    event.subject = intent.stream;
    event.data_kind = DataKind::kJson;
    event.data = std::to_string(i);
    events.push_back(event);
  }
  EncodeEvents(events, &record);
  return record;
}

void World::Write(Partition partition, const Intent& intent, Record record) {
  const Offset offset = log_.Write({kTopic, partition}, std::move(record));
  oracles_[static_cast<std::size_t>(partition.value)].Land(offset, intent);
}

void World::Send(Intent intent) {
  using Fault = MemoryLog::Fault;
  const Fault fault = Chance(850)
                          ? Fault::kNone
                          : std::array{Fault::kRefuse, Fault::kLoseAnswer, Fault::kLoseRecord,
                                       Fault::kLoseOffset}[random_() % 4];
  const TopicPartition at{kTopic, HomeOf(intent.stream)};
  const Result<Offset> before = log_.Latest(at);
  log_.SetFault(fault);
  log_.Append(at, RecordOf(intent), [](const Result<Offset>&) {});
  log_.SetFault(Fault::kNone);
  const Result<Offset> after = log_.Latest(at);
  ++counts_.appends;
  counts_.unknown += fault == Fault::kLoseAnswer || fault == Fault::kLoseRecord;
  Oracle& oracle = oracles_[static_cast<std::size_t>(at.partition.value)];
  if (*after != *before) oracle.Land(*before, intent);
  // Whoever was not refused waits until a fold meets the id.
  if (fault != Fault::kRefuse) ++AnyNode().waiting[{intent.stream, intent.id}];
  if (mistake_ == Mistake::kAcknowledgeAndLose && fault == Fault::kNone && Chance(20)) {
    log_.CutFrom(at, *before);
    log_.WriteHole(at);
  }
}

void World::WriteForeign() {
  const Partition partition = AnyPartition();
  if (Chance(200)) return log_.WriteHole({kTopic, partition});
  Intent intent = NewAppend();
  Record record = RecordOf(intent);
  if (Chance(300)) {  // A producer that sends twice what it was asked to send once.
    Write(HomeOf(intent.stream), intent, record);
    return Write(HomeOf(intent.stream), intent, std::move(record));
  }
  if (Chance(300)) {
    intent.kind = Intent::Kind::kGenesis;
    return Write(partition, intent, MakeGenesis({std::string(kOtherId), partitions_}));
  }
  if (partition != HomeOf(intent.stream)) {
    intent.kind = Intent::Kind::kMisplaced;
    return Write(partition, intent, std::move(record));
  }
  intent.kind = Intent::Kind::kUnreadable;
  record.headers.push_back(record.headers[Below(random_, 3)]);
  Write(partition, intent, std::move(record));
}

void World::Fold(Running& running) {
  const Partition partition = AnyPartition();
  std::vector<std::pair<StreamAndId, Told>> answers;
  const Status folded = running.node->Fold(partition, 1 + Below(random_, 40),
                                           [&](const StoredRecord& record, const FoldStep& step) {
                                             CheckStep(running, partition, record, step, &answers);
                                           });
  if (!Done(running, folded, "folding") || failure_) return;
  for (const auto& [append, told] : answers) Answer(append, told);
  CheckPositions(running, partition);
}

void World::Apply(Running& running) {
  const Partition partition = AnyPartition();
  const Status applied = running.node->Apply(partition, 1 + Below(random_, 40));
  if (!Done(running, applied, "applying")) return;
  if (!failure_) CheckPositions(running, partition);
  if (!failure_ && Chance(100)) CheckDocuments(running, partition);
}

void World::ReadStream(const Running& running) {
  const std::string& stream = streams_[Below(random_, streams_.size())];
  CheckStreamOn(running, stream, Version(static_cast<std::int64_t>(random_() % 30)), Chance(500));
}

void World::AskForAppend(const Running& running) {
  if (sent_.empty()) return;
  const Intent& intent = sent_[Below(random_, sent_.size())];
  const Partition home = HomeOf(intent.stream);
  const auto found =
      running.node->state().FindAppend(running.node->KeyOf(home), intent.stream, intent.id);
  if (!found.ok()) return Need(found.status(), "asking for an append");
  const auto* expected = oracles_[static_cast<std::size_t>(home.value)].RememberedAt(
      intent.stream, intent.id, running.node->folded(home).fold.next);
  if (found->has_value() != (expected != nullptr)) {
    return Fail(intent.id + (expected == nullptr ? " is known too early" : " is forgotten"));
  }
  if (expected == nullptr) return;
  const Remembered& known = **found;
  if (known.admitted != expected->admitted || known.head != expected->head ||
      (known.admitted && known.first_version != *expected->first)) {
    Fail(intent.id + " is remembered with another verdict");
  }
}

std::int64_t World::SomeCall() {
  // A fold makes one, an opening dozens.
  return static_cast<std::int64_t>(1 + Below(random_, std::size_t{2} << Below(random_, 6)));
}

void World::LosePower(Running& running) {
  std::vector<Offset> before;
  for (std::int32_t i = 0; i < partitions_; ++i) {
    before.push_back(running.node->folded(Partition(i)).fold.next);
  }
  running.waiting.clear();
  bool opened = false;
  while (!opened && !failure_) {
    ++counts_.crashes;
    const Status status = running.node->LosePower(random_(), Chance(300) ? SomeCall() : 0);
    opened = Done(running, status, "opening after a power cut");
  }
  if (failure_) return;
  for (std::int32_t i = 0; i < partitions_; ++i) {
    const Partition partition(i);
    counts_.lost += std::max<std::int64_t>(0, before[static_cast<std::size_t>(i)].value -
                                                  running.node->folded(partition).fold.next.value);
    CheckPositions(running, partition);
    CheckDocuments(running, partition);
  }
  CheckStreams(running);
}

void World::CatchUp() {
  for (Running& running : nodes_) {
    running.node->CutPowerAt(0);
    for (std::int32_t i = 0; i < partitions_ && !failure_; ++i) {
      const Partition partition(i);
      std::vector<std::pair<StreamAndId, Told>> answers;
      Need(running.node->Fold(partition, 1'000'000,
                              [&](const StoredRecord& record, const FoldStep& step) {
                                CheckStep(running, partition, record, step, &answers);
                              }),
           "folding to the end");
      for (const auto& [append, told] : answers) Answer(append, told);
      Need(running.node->Apply(partition, 1'000'000), "applying to the end");
      if (failure_) return;
      CheckPositions(running, partition);
      CheckDocuments(running, partition);
    }
    CheckStreams(running);
    CheckTold(running);
  }
}

// ---- What must hold

void World::CheckStep(Running& running, Partition partition, const StoredRecord& record,
                      const FoldStep& step, std::vector<std::pair<StreamAndId, Told>>* answers) {
  const auto* expected =
      oracles_[static_cast<std::size_t>(partition.value)].OutcomeAt(record.offset);
  if (expected == nullptr) return Fail("a record that was never written");
  const std::string at = "offset " + std::to_string(record.offset.value);
  if (step.verdict != expected->verdict) {
    return Fail(at + " is " + std::string(VerdictName(step.verdict)) + ", not " +
                std::string(VerdictName(expected->verdict)));
  }
  const bool judged = step.verdict == Verdict::kAdmitted || step.verdict == Verdict::kConflict ||
                      step.verdict == Verdict::kDuplicate;
  if (!judged) return;
  const Remembered& known = step.remembered;
  const auto first = known.admitted ? std::optional(known.first_version) : std::nullopt;
  if (known.admitted != expected->admitted || first != expected->first ||
      known.head != expected->head) {
    return Fail(at + ": head " + Number(known.head) + ", not " + Number(expected->head));
  }
  const StreamAndId append(step.attempt.stream, step.attempt.append_id);
  if (running.waiting.erase(append) != 0) {
    answers->push_back({append, {known.admitted, first, known.head}});
  }
}

void World::Answer(const StreamAndId& append, const Told& told) {
  ++counts_.answers;
  const auto [known, is_new] = told_.try_emplace(append, told);
  if (!is_new && known->second != told) Fail(append.second + " was answered in two ways");
}

void World::CheckPositions(const Running& running, Partition partition) {
  const event_store::PartitionState fold = running.node->folded(partition);
  const auto [same_fold, new_fold] = folds_.try_emplace({partition, fold.fold.next}, fold);
  if (!new_fold && same_fold->second != fold) {
    Fail("two folds up to offset " + std::to_string(fold.fold.next.value) + " differ");
  }
  const projections::PartitionState model = running.node->applied(partition);
  const auto [same_model, new_model] = models_.try_emplace({partition, model.next}, model);
  if (!new_model && same_model->second != model) {
    Fail("two read models up to offset " + std::to_string(model.next.value) + " differ");
  }
}

void World::CheckDocuments(const Running& running, Partition partition) {
  const Oracle& oracle = oracles_[static_cast<std::size_t>(partition.value)];
  for (const std::string& stream : streams_) {
    if (HomeOf(stream) != partition) continue;
    const auto document = running.node->Document(stream);
    if (!document.ok()) return Need(document.status(), "reading a document");
    const auto kept = oracle.StreamAt(stream, running.node->applied(partition).next);
    if (document->has_value() == kept.empty()) return Fail("a document too many or too few");
    if (kept.empty()) continue;
    const Kept& last = kept.back();
    const std::string version = "\"version\":" + std::to_string(last.last().value) + ",";
    const std::string event = "\"id\":\"" + last.body + "/" + std::to_string(last.count - 1) + "\"";
    if ((*document)->find(version) == std::string::npos ||
        (*document)->find(event) == std::string::npos) {
      return Fail("the document of " + stream + " is " + **document + ", not of " + last.body);
    }
  }
}

void World::CheckStreams(const Running& running) {
  for (const std::string& stream : streams_) {
    if (failure_) return;
    const Partition home = HomeOf(stream);
    const auto head = running.node->state().Head(running.node->KeyOf(home), stream);
    if (!head.ok()) return Need(head.status(), "reading a head");
    const auto expected = oracles_[static_cast<std::size_t>(home.value)].HeadAt(
        stream, running.node->folded(home).fold.next);
    if (*head != expected) {
      return Fail("the head of " + stream + " is " + Number(*head) + ", not " + Number(expected));
    }
    CheckStreamOn(running, stream, Version(0), false);
  }
}

void World::CheckStreamOn(const Running& running, const std::string& stream, Version from,
                          bool backwards) {
  const Partition home = HomeOf(stream);
  const auto key = running.node->KeyOf(home);
  std::vector<Kept> expected = oracles_[static_cast<std::size_t>(home.value)].StreamAt(
      stream, running.node->folded(home).fold.next);
  std::optional<Version> head;
  if (!expected.empty()) head = expected.back().last();
  // What begins at or before `from` and is last of those; with all before or behind it.
  const auto behind = std::find_if(expected.begin(), expected.end(),
                                   [&](const Kept& kept) { return kept.first > from; });
  if (backwards) {
    expected.erase(behind, expected.end());
    std::reverse(expected.begin(), expected.end());
  } else if (head && from > *head) {
    expected.clear();
  } else if (behind != expected.begin()) {
    expected.erase(expected.begin(), behind - 1);
  }
  std::size_t index = 0;
  const auto scanned = running.node->state().ScanStream(
      key, stream, {from, backwards}, [&](const event_store::StreamAppend& append) {
        if (index >= expected.size() || append.first_version != expected[index].first ||
            append.place.offset != expected[index].offset ||
            append.place.count != expected[index].count) {
          Fail(stream + " has another append at version " +
               std::to_string(append.first_version.value));
          return false;
        }
        const auto copy = running.node->state().CopiedRecords(
            key, {&append.place, 1}, running.node->FromLog(Partition(key.partition)));
        if (!copy.ok() || DecodeEvents(copy->front(), append.place.count).front().id !=
                              expected[index].body + "/0") {
          Fail(stream + " has other events than were sent");
        }
        ++index;
        return true;
      });
  Need(scanned.status(), "reading a stream");
  if (scanned.ok() && *scanned != head) Fail(stream + " has another head");
  if (index != expected.size()) Fail(stream + " ends too early");
}

void World::CheckTold(const Running& running) {
  for (const auto& [append, told] : told_) {
    const auto& [stream, id] = append;
    const auto found =
        running.node->state().FindAppend(running.node->KeyOf(HomeOf(stream)), stream, id);
    if (!found.ok()) return Need(found.status(), "asking for what was answered");
    if (!found->has_value()) return Fail(id + " was answered and is lost");
    const Remembered& known = **found;
    const auto first = known.admitted ? std::optional(known.first_version) : std::nullopt;
    if (Told{known.admitted, first, known.head} != told) {
      return Fail(id + " was answered otherwise");
    }
  }
}

}  // namespace bitacora::simulation
