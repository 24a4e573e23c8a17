#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <unistd.h>

#include <bitacora/consumers/drills.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/event_store/embedded_log.h>

#include "src/row_codec.h"
#include "support/temporary_directory.h"

namespace bitacora::consumers {
namespace {

using event_store::AppendOutcome;
using projections::PartitionState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::TemporaryDirectory;
using What = DrillDifference::What;

const TopicName kOrders("orders");

bool Eventually(const std::function<bool()>& condition) {
  const Deadline deadline = SystemClock().Now() + std::chrono::seconds(60);
  // Nobody notifies: what is waited for is in another process, which needs the processor.
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (!condition()) {
    if (SystemClock().Now() > deadline) return false;
    never.wait_for(lock, milliseconds(2));
  }
  return true;
}

/// A node on an embedded log of its own, with drills.
class DrillsTest : public testing::Test {
 protected:
  DrillsTest() {
    options_.program = BITACORA_REBUILD_CHILD_TOOL;
    options_.scratch_directory = directory_.path() + "/scratch";
    options_.free_bytes_min = 1;
    event_store::EmbeddedLogOptions log;
    log.directory = directory_.path() + "/log";
    log.free_bytes_min = 1;
    log.sync = false;
    log_ = std::move(*event_store::OpenEmbeddedLog(log, metrics_));
    event_store::EventStoreOptions store;
    store.state_directory = directory_.path() + "/streams";
    store.refresh_interval = milliseconds(20);
    store_ = std::move(
        *event_store::EventStore::Open(store, *log_, SystemClock(), SystemRandom(), metrics_));
    OpenModels();
  }
  ~DrillsTest() override { CloseModels(); }

  void OpenModels() {
    ReadModelsOptions options;
    options.directory = models_path();
    read_models_ = std::move(*ReadModels::Open(options, *store_, SystemClock(), metrics_));
    OpenDrills();
  }
  void OpenDrills() {
    drills_.reset();
    auto opened = Drills::Open(options_, *log_, *store_, *read_models_, SystemClock(),
                               SystemRandom(), metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    drills_ = std::move(*opened);
  }
  void CloseModels() {
    drills_.reset();
    read_models_.reset();
  }

  void MakeTopic(std::int32_t partitions = 1) {
    ASSERT_TRUE(store_->CreateTopic(kOrders, partitions).ok());
  }

  std::future<Result<AppendOutcome>> StartAppend(const std::string& stream, Expected expected = {},
                                                 const std::string& id = {}) {
    Event event;
    event.id = "e";
    event.source = "/tests";
    event.type = "Tested";
    event.data_kind = DataKind::kJson;
    event.data = R"({"some":"data"})";
    event_store::AppendCommand command;
    command.topic = kOrders;
    command.stream = StreamName(stream);
    command.id_from_client = !id.empty();
    command.id = AppendId(id.empty() ? MakeUuidV7(1, SystemRandom()) : id);
    command.expected = expected;
    command.events = {event};
    command.fingerprint = FingerprintOf(expected, {{event, {}, {}}});
    const auto promise = std::make_shared<std::promise<Result<AppendOutcome>>>();
    store_->Append(std::move(command), SystemClock().Now() + std::chrono::seconds(30),
                   [promise](auto outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }
  /// `count` events, each in a stream of its own: "o-0", "o-1", …
  void AppendOrders(int count) {
    std::vector<std::future<Result<AppendOutcome>>> appends;
    for (int i = 0; i < count; ++i) appends.push_back(StartAppend("o-" + std::to_string(i)));
    for (auto& append : appends) ASSERT_TRUE(append.get()->admitted);
  }

  void CatchUp() {
    ASSERT_TRUE(Eventually([this] {
      Position models;
      models.log_tag = store_->Applied(kOrders).log_tag;
      for (const ModelProgress& progress : read_models_->Progress()) {
        if (progress.at.topic == kOrders) {
          models.next[progress.at.partition] = {progress.applied, 0};
        }
      }
      return models == store_->Applied(kOrders);
    }));
  }

  DrillReport AwaitEnd(const std::string& id) {
    EXPECT_TRUE(Eventually([&] { return drills_->Get(id)->state != DrillState::kRunning; }));
    return *drills_->Get(id);
  }
  DrillReport Drill() {
    const auto started = drills_->Start(kOrders);
    EXPECT_TRUE(started.ok()) << started.error().ToString();
    return started.ok() ? AwaitEnd(started->id) : DrillReport();
  }

  /// Changes the bytes of the read models while nobody has them open.
  void Plant(const std::function<void(rocksdb::DB&)>& fault) {
    CatchUp();
    CloseModels();
    {
      rocksdb::DB* opened = nullptr;
      const auto status = rocksdb::DB::Open(rocksdb::Options(), models_path(), &opened);
      ASSERT_TRUE(status.ok()) << status.ToString();
      const std::unique_ptr<rocksdb::DB> db(opened);
      fault(*db);
    }
    OpenModels();
  }
  /// The only model's.
  static std::string RowKey(const std::string& key, std::int32_t partition = 0) {
    return projections::PartitionKey(projections::kDocumentPrefix, 1, Partition(partition)) + key;
  }
  static std::string Get(rocksdb::DB& db, const std::string& key) {
    std::string bytes;
    const auto status = db.Get(rocksdb::ReadOptions(), key, &bytes);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return bytes;
  }
  static void Put(rocksdb::DB& db, const std::string& key, const std::string& bytes) {
    ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), key, bytes).ok());
  }
  void PlantState(const std::function<void(PartitionState&)>& change) {
    Plant([&](rocksdb::DB& db) {
      const std::string key = projections::PartitionKey(projections::kStatePrefix, 1, Partition(0));
      auto state = projections::DecodeState(Get(db, key));
      ASSERT_TRUE(state);
      change(*state);
      Put(db, key, projections::EncodeState(*state));
    });
  }

  /// A program that runs `script` in place of rebuilding.
  void UseScript(const std::string& script) {
    options_.program = directory_.path() + "/child.sh";
    std::ofstream(options_.program) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(options_.program, std::filesystem::perms::owner_all);
    OpenDrills();
  }
  /// A child that tells its number in a file and then waits to be ended.
  void UseIdleChild() { UseScript("echo $$ > " + pid_path() + "; exec tail -f /dev/null"); }
  pid_t AwaitIdleChild() {
    pid_t pid = 0;
    EXPECT_TRUE(Eventually([&] { return bool(std::ifstream(pid_path()) >> pid); }));
    return pid;
  }

  bool ScratchIsEmpty() const { return std::filesystem::is_empty(options_.scratch_directory); }
  std::string models_path() const { return directory_.path() + "/models"; }
  std::string pid_path() const { return directory_.path() + "/pid"; }

  TemporaryDirectory directory_;
  DrillsOptions options_;
  Metrics metrics_;
  std::unique_ptr<event_store::Log> log_;
  std::unique_ptr<event_store::EventStore> store_;
  std::unique_ptr<ReadModels> read_models_;
  std::unique_ptr<Drills> drills_;
};

std::string Named(const DrillDifference& difference) {
  return std::string(DrillDifferenceName(difference.what)) + " " + difference.key.value_or("-");
}

std::vector<std::string> Named(const DrillReport& report) {
  std::vector<std::string> named;
  for (const DrillDifference& difference : report.differences) named.push_back(Named(difference));
  return named;
}

// ---- Nothing is wrong

class DrillOfASoundReadModel : public DrillsTest {};

TEST_F(DrillOfASoundReadModel, IsEqualInEachPartition) {
  MakeTopic(4);
  AppendOrders(300);
  CatchUp();
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kEqual) << report.error;
  EXPECT_EQ(report.topic, kOrders);
  EXPECT_EQ(report.records, 304);  // And a genesis in each.
  EXPECT_EQ(report.records_total, 304);
  EXPECT_THAT(report.differences, IsEmpty());
  ASSERT_EQ(report.partitions.size(), 4u);
  std::int64_t documents = 0;
  for (const DrillPartition& partition : report.partitions) {
    EXPECT_EQ(partition.equal, true);
    EXPECT_EQ(partition.kept.size(), 64u);
    EXPECT_EQ(partition.kept, partition.recomputed);
    EXPECT_EQ(partition.kept, partition.rebuilt);
    documents += partition.documents;
  }
  EXPECT_EQ(documents, 300);
}

TEST_F(DrillOfASoundReadModel, IsEqualWithRecordsThatCountForNothing) {
  MakeTopic();
  const Expected is_new{Expected::Kind::kNew, {}};
  ASSERT_TRUE(StartAppend("o-1", is_new, "a").get()->admitted);
  ASSERT_FALSE(StartAppend("o-1", is_new, "b").get()->admitted);
  log_->Append({kOrders, Partition(0)}, Record{"o-1", "foreign", {}}, [](const auto&) {});
  ASSERT_TRUE(StartAppend("o-1", {}, "c").get()->admitted);
  ASSERT_FALSE(StartAppend("o-1", is_new, "d").get()->admitted);
  CatchUp();
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kEqual)
      << report.error << testing::PrintToString(Named(report));
  EXPECT_EQ(report.partitions.at(0).documents, 1);
}

TEST_F(DrillOfASoundReadModel, IsEqualBeforeAnythingIsAppended) {
  MakeTopic(2);
  EXPECT_EQ(Drill().state, DrillState::kEqual);
}

TEST_F(DrillOfASoundReadModel, IsEqualWhileAppendsGoOn) {
  MakeTopic(3);
  AppendOrders(100);
  std::atomic<int> appended = 0;
  std::jthread client([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto outcome = StartAppend("o-" + std::to_string(appended % 150)).get();
      if (outcome.ok() && outcome->admitted) ++appended;
    }
  });
  for (int drill = 0; drill < 5; ++drill) {
    const int before = appended;
    const DrillReport report = Drill();
    EXPECT_EQ(report.state, DrillState::kEqual)
        << report.error << testing::PrintToString(Named(report));
    EXPECT_GT(appended, before);
  }
}

TEST_F(DrillOfASoundReadModel, LeavesNothingBehind) {
  MakeTopic();
  AppendOrders(10);
  Drill();
  EXPECT_TRUE(ScratchIsEmpty());
  EXPECT_THAT(metrics_.Expose(), HasSubstr("bitacora_drills_started_total 1"));
  EXPECT_THAT(metrics_.Expose(), HasSubstr("bitacora_drills_finished_total{result=\"equal\"} 1"));
}

// ---- A fault was planted

class DrillOfADamagedReadModel : public DrillsTest {
 protected:
  void SetUp() override {
    MakeTopic();
    AppendOrders(30);
  }
};

TEST_F(DrillOfADamagedReadModel, NamesADocumentThatIsMissing) {
  Plant([](rocksdb::DB& db) {
    ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), RowKey("o-17")).ok());
  });
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kDifferent) << report.error;
  EXPECT_THAT(Named(report), ElementsAre("missing o-17"));
  EXPECT_THAT(report.differences.at(0).rebuilt, HasSubstr("o-17"));
  const DrillPartition& partition = report.partitions.at(0);
  EXPECT_EQ(partition.equal, false);
  EXPECT_EQ(partition.kept, partition.rebuilt);
  EXPECT_NE(partition.recomputed, partition.rebuilt);
}

TEST_F(DrillOfADamagedReadModel, NamesADocumentWithAChangedByte) {
  Plant([](rocksdb::DB& db) {
    std::string row = Get(db, RowKey("o-3"));
    row.back() ^= 1;
    Put(db, RowKey("o-3"), row);
  });
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kDifferent) << report.error;
  EXPECT_THAT(Named(report), ElementsAre("changed o-3"));
  EXPECT_NE(report.differences.at(0).kept, report.differences.at(0).rebuilt);
}

TEST_F(DrillOfADamagedReadModel, FindsAChangeOfAnyByteOfARow) {
  std::size_t bytes = 0;
  Plant([&](rocksdb::DB& db) { bytes = Get(db, RowKey("o-3")).size(); });
  // The hash, the offset and the time that stand before the value, and its first bytes.
  for (std::size_t at = 0; at < std::min<std::size_t>(bytes, 48); at += 5) {
    const auto flip = [at](rocksdb::DB& db) {
      std::string row = Get(db, RowKey("o-3"));
      row[at] = static_cast<char>(row[at] ^ 1);
      Put(db, RowKey("o-3"), row);
    };
    Plant(flip);
    const DrillReport report = Drill();
    EXPECT_EQ(report.state, DrillState::kDifferent) << "byte " << at << ": " << report.error;
    EXPECT_THAT(Named(report), ElementsAre("changed o-3")) << "byte " << at;
    Plant(flip);
  }
  EXPECT_EQ(Drill().state, DrillState::kEqual);
}

TEST_F(DrillOfADamagedReadModel, NamesADocumentThatShouldNotBe) {
  Plant([](rocksdb::DB& db) { Put(db, RowKey("o-99"), Get(db, RowKey("o-3"))); });
  EXPECT_THAT(Named(Drill()), ElementsAre("unexpected o-99"));
}

TEST_F(DrillOfADamagedReadModel, NamesADocumentThatCannotBeRead) {
  Plant([](rocksdb::DB& db) { Put(db, RowKey("o-3"), "short"); });
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kDifferent) << report.error;
  EXPECT_EQ(report.partitions.at(0).recomputed, "");
}

TEST_F(DrillOfADamagedReadModel, FindsAPositionThatIsTooFar) {
  PlantState([](PartitionState& state) { state.next = state.next.Next(); });
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kDifferent) << report.error;
  EXPECT_THAT(Named(report), ElementsAre("cursor -"));
  EXPECT_THAT(report.differences.at(0).kept, HasSubstr("next 32,"));
  EXPECT_THAT(report.differences.at(0).rebuilt, HasSubstr("next 31,"));
}

TEST_F(DrillOfADamagedReadModel, FindsAPositionThatIsTooFarAfterAppendsWereMissed) {
  PlantState([](PartitionState& state) { state.next = state.next.Next(); });
  ASSERT_TRUE(StartAppend("o-30").get()->admitted);
  ASSERT_TRUE(StartAppend("o-31").get()->admitted);
  CatchUp();
  EXPECT_THAT(Named(Drill()), ElementsAre("missing o-30", "cursor -"));
}

TEST_F(DrillOfADamagedReadModel, FindsAPositionThatWentBack) {
  PlantState([](PartitionState& state) { state.next = Offset(state.next.value - 1); });
  CatchUp();  // The last record is folded a second time, which changes no document.
  EXPECT_THAT(Named(Drill()), ElementsAre("cursor -"));
}

TEST_F(DrillOfADamagedReadModel, FindsAnotherBeginning) {
  for (const std::int64_t nonsense : {std::int64_t{5}, INT64_MAX}) {
    PlantState([&](PartitionState& state) { state.first = Offset(nonsense); });
    EXPECT_THAT(Named(Drill()), ElementsAre("cursor -")) << nonsense;
  }
}

TEST_F(DrillOfADamagedReadModel, SaysThatAPositionIsNone) {
  PlantState([](PartitionState& state) { state.first = Offset(-5); });
  const auto started = drills_->Start(kOrders);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().reason(), "state-damaged");
}

TEST_F(DrillOfADamagedReadModel, FindsAnotherChainCountOrDigest) {
  PlantState([](PartitionState& state) { state.chain[0] ^= 1; });
  EXPECT_THAT(Named(Drill()), ElementsAre("cursor -"));
  PlantState([](PartitionState& state) {
    state.chain[0] ^= 1;
    ++state.documents;
  });
  EXPECT_THAT(Named(Drill()), ElementsAre("cursor -"));
  PlantState([](PartitionState& state) {
    --state.documents;
    state.digest.Add({});
    state.digest.Add(projections::HashDocument("p", "k", "v"));
  });
  const DrillReport report = Drill();
  EXPECT_THAT(Named(report), ElementsAre("cursor -"));
  EXPECT_EQ(report.partitions.at(0).recomputed, report.partitions.at(0).rebuilt);
  EXPECT_NE(report.partitions.at(0).kept, report.partitions.at(0).rebuilt);
}

TEST_F(DrillOfADamagedReadModel, NamesTheFirstTwentyOnly) {
  Plant([](rocksdb::DB& db) {
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), RowKey("o-" + std::to_string(i))).ok());
    }
  });
  const DrillReport report = Drill();
  ASSERT_EQ(report.differences.size(), kDrillDifferencesMax);
  EXPECT_EQ(report.differences[0].key, "o-0");
  EXPECT_EQ(report.differences[1].key, "o-1");
  EXPECT_EQ(report.differences[2].key, "o-10");  // In the order of bytes.
}

TEST_F(DrillOfADamagedReadModel, IsCounted) {
  Plant(
      [](rocksdb::DB& db) { ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), RowKey("o-1")).ok()); });
  Drill();
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("bitacora_drills_finished_total{result=\"different\"} 1"));
}

using DrillOfSeveralPartitions = DrillsTest;

TEST_F(DrillOfSeveralPartitions, TellsWhichIsDifferent) {
  MakeTopic(3);
  AppendOrders(60);
  const Partition damaged = PartitionOf("o-7", 3);
  Plant([&](rocksdb::DB& db) {
    ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), RowKey("o-7", damaged.value)).ok());
  });
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kDifferent);
  EXPECT_THAT(Named(report), ElementsAre("missing o-7"));
  EXPECT_EQ(report.differences.at(0).partition, damaged);
  for (const DrillPartition& partition : report.partitions) {
    EXPECT_EQ(partition.equal, partition.partition != damaged);
  }
}

// ---- Refused

using DrillThatCannotBegin = DrillsTest;

TEST_F(DrillThatCannotBegin, IsOfATopicNobodyKnows) {
  EXPECT_EQ(drills_->Start(kOrders).error().reason(), "topic-unknown");
}

TEST_F(DrillThatCannotBegin, IsOfAnAdoptedTopic) {
  ASSERT_TRUE(log_->CreateTopic(kOrders, 1).ok());
  std::promise<void> written;
  log_->Append({kOrders, Partition(0)}, Record{"key", "value", {}},
               [&](const auto&) { written.set_value(); });
  written.get_future().get();
  const auto refused = drills_->Start(kOrders);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(refused.error().reason(), "topic-not-owned");
}

TEST_F(DrillThatCannotBegin, IsASecondOne) {
  MakeTopic();
  UseIdleChild();
  const auto first = drills_->Start(kOrders);
  ASSERT_TRUE(first.ok());
  const auto second = drills_->Start(kOrders);
  EXPECT_EQ(second.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(second.error().reason(), "drills-busy");
  EXPECT_EQ(drills_->Get(first->id)->state, DrillState::kRunning);
  ::kill(AwaitIdleChild(), SIGKILL);
  AwaitEnd(first->id);
  EXPECT_TRUE(drills_->Start(kOrders).ok());
}

TEST_F(DrillThatCannotBegin, IsOnADiskThatIsNearlyFull) {
  MakeTopic();
  options_.free_bytes_min = UINT64_MAX;
  OpenDrills();
  EXPECT_EQ(drills_->Start(kOrders).error().reason(), "disk-full");
}

TEST_F(DrillThatCannotBegin, IsNotKnownAfterwards) {
  EXPECT_EQ(drills_->Get("no-such-drill").error().reason(), "drill-unknown");
}

// ---- The process

class ProcessOfADrill : public DrillsTest {
 protected:
  void SetUp() override {
    MakeTopic();
    AppendOrders(3);
    CatchUp();
  }
};

TEST_F(ProcessOfADrill, FailsItWhenItIsKilled) {
  UseScript("kill -9 $$");
  const DrillReport report = Drill();
  EXPECT_EQ(report.state, DrillState::kFailed);
  EXPECT_EQ(report.error, "the process that rebuilds was ended by signal 9 before it was done");
  EXPECT_TRUE(ScratchIsEmpty());
  EXPECT_THAT(metrics_.Expose(), HasSubstr("bitacora_drills_finished_total{result=\"failed\"} 1"));
}

TEST_F(ProcessOfADrill, FailsItWhenItEndsEarly) {
  UseScript(R"(echo '{"records":1,"total":4}'; exit 3)");
  const DrillReport report = Drill();
  EXPECT_EQ(report.error, "the process that rebuilds exited with 3 before it was done");
  EXPECT_EQ(report.records, 1);
}

TEST_F(ProcessOfADrill, FailsItWithItsOwnSentence) {
  UseScript(R"(echo '{"records":0,"total":4,"error":"the log is gone"}')");
  EXPECT_EQ(Drill().error, "the log is gone");
}

TEST_F(ProcessOfADrill, FailsItWhenItSaysSomethingElse) {
  UseScript("echo Bus error");
  EXPECT_EQ(Drill().state, DrillState::kFailed);
}

TEST_F(ProcessOfADrill, FailsItWhenItSaysToHaveDoneWhatItHasNot) {
  UseScript(R"(echo '{"records":4,"total":4,"done":true}')");
  EXPECT_EQ(Drill().state, DrillState::kFailed);
}

TEST_F(ProcessOfADrill, FailsItWhenItCannotBeStarted) {
  options_.program = directory_.path() + "/nothing";
  OpenDrills();
  EXPECT_THAT(Drill().error, HasSubstr("cannot be started"));
}

TEST_F(ProcessOfADrill, TellsHowFarItIs) {
  UseScript(R"(echo '{"records":1,"total":4}'; exec tail -f /dev/null)");
  const auto started = drills_->Start(kOrders);
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(started->records_total, 4);
  EXPECT_EQ(started->partitions.at(0).documents, 3);
  EXPECT_FALSE(started->partitions.at(0).equal);
  EXPECT_TRUE(Eventually([&] { return drills_->Get(started->id)->records == 1; }));
  EXPECT_TRUE(drills_->Get(started->id)->eta_s);
  EXPECT_EQ(drills_->Get(started->id)->state, DrillState::kRunning);
}

TEST_F(ProcessOfADrill, EndsWithTheServer) {
  UseIdleChild();
  ASSERT_TRUE(drills_->Start(kOrders).ok());
  const pid_t child = AwaitIdleChild();
  ASSERT_EQ(::kill(child, 0), 0);
  drills_.reset();
  EXPECT_EQ(::kill(child, 0), -1);
  EXPECT_TRUE(ScratchIsEmpty());
}

TEST_F(ProcessOfADrill, InheritsNoDescriptor) {
  // As one of a library that forgets to set close-on-exec.
  const int leaked = ::fcntl(STDERR_FILENO, F_DUPFD, 200);
  ASSERT_GE(leaked, 200);
  UseScript("ls /proc/$$/fd > " + pid_path());
  Drill();
  ::close(leaked);
  std::set<std::string> open;
  std::ifstream listed(pid_path());
  for (std::string number; listed >> number;) open.insert(number);
  EXPECT_THAT(open, testing::IsSupersetOf({"0", "1", "2"}));
  EXPECT_FALSE(open.contains(std::to_string(leaked)));
}

TEST_F(ProcessOfADrill, LeavesNoTraceWhenTheServerIsKilled) {
  const std::string left = options_.scratch_directory + "/left";
  std::filesystem::create_directories(left + "/log");
  OpenDrills();
  EXPECT_TRUE(ScratchIsEmpty());
}

TEST_F(ProcessOfADrill, IsRememberedForAHundredDrills) {
  options_.program = "/bin/false";
  OpenDrills();
  const std::string first = Drill().id;
  for (std::size_t drill = 1; drill < kDrillReportsMax; ++drill) Drill();
  EXPECT_TRUE(drills_->Get(first).ok());
  Drill();
  EXPECT_EQ(drills_->Get(first).error().reason(), "drill-unknown");
}

}  // namespace
}  // namespace bitacora::consumers
