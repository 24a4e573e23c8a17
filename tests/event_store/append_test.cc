#include "support/event_store_fixture.h"

namespace bitacora::tests {
namespace {

using event_store::AppendOutcome;

class AppendingToAStream : public EventStoreTest {};
class RepeatingAnAppend : public EventStoreTest {};
class AnAppendWhoseAnswerIsLost : public EventStoreTest {};
class AskingForAVerdict : public EventStoreTest {};
class AppendingInVain : public EventStoreTest {};

TEST_F(AppendingToAStream, CountsVersionsFromZeroWithoutHoles) {
  MakeTopic();
  for (std::int64_t version = 0; version < 5; ++version) {
    const auto outcome = Append("o-1");
    ASSERT_TRUE(outcome.ok()) << outcome.error().ToString();
    EXPECT_TRUE(outcome->admitted);
    EXPECT_FALSE(outcome->replayed);
    EXPECT_EQ(outcome->first_version, Version(version));
    EXPECT_EQ(outcome->head, Version(version));
  }
}

TEST_F(AppendingToAStream, AddsSeveralEventsAtOnce) {
  MakeTopic();
  const auto outcome = Append("o-1", {.events = 3});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->first_version, Version(0));
  EXPECT_EQ(outcome->head, Version(2));
  EXPECT_EQ(outcome->count, 3U);
}

TEST_F(AppendingToAStream, HoldsTheExpectedVersion) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1", {.expected = New()})->admitted);
  EXPECT_TRUE(Append("o-1", {.expected = At(0)})->admitted);
  EXPECT_TRUE(Append("o-1", {.expected = Exists()})->admitted);
  const auto conflict = Append("o-1", {.expected = At(0)});
  ASSERT_TRUE(conflict.ok());
  EXPECT_FALSE(conflict->admitted);
  EXPECT_EQ(conflict->head, Version(2));
}

TEST_F(AppendingToAStream, RefusesANewStreamThatIsThere) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  const auto conflict = Append("o-1", {.expected = New()});
  EXPECT_FALSE(conflict->admitted);
  EXPECT_EQ(conflict->head, Version(0));
}

TEST_F(AppendingToAStream, RefusesAnExistingStreamThatIsNotThere) {
  MakeTopic();
  const auto conflict = Append("o-1", {.expected = Exists()});
  ASSERT_TRUE(conflict.ok());
  EXPECT_FALSE(conflict->admitted);
  EXPECT_EQ(conflict->head, std::nullopt);
}

TEST_F(AppendingToAStream, AdmitsExactlyOneOfManyThatExpectTheSame) {
  MakeTopic();
  std::vector<std::future<AppendResult>> racing;
  for (int i = 0; i < 20; ++i) {
    racing.push_back(StartAppend("o-1", {.id = "racer-" + std::to_string(i), .expected = New()}));
  }
  int admitted = 0;
  for (auto& racer : racing) admitted += racer.get()->admitted ? 1 : 0;
  EXPECT_EQ(admitted, 1);
}

TEST_F(AppendingToAStream, GoesOnAfterARestart) {
  MakeTopic(4);
  ASSERT_TRUE(Append("o-1", {.events = 2})->admitted);
  Restart();
  ASSERT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_EQ(Append("o-1", {.expected = At(1)})->first_version, Version(2));
}

TEST_F(AppendingToAStream, GoesOnAfterTheStateIsDeleted) {
  MakeTopic(4);
  ASSERT_TRUE(Append("o-1", {.id = "k", .events = 2})->admitted);
  Restart([this] { std::filesystem::remove_all(directory_.path() + "/state"); });
  ASSERT_TRUE(Eventually([this] { return store_->Ready().ok(); }));
  EXPECT_TRUE(Append("o-1", {.id = "k", .events = 2})->replayed);
  EXPECT_EQ(Append("o-1", {.expected = At(1)})->first_version, Version(2));
}

TEST_F(RepeatingAnAppend, ChangesNothingAndTellsTheFirstVerdict) {
  MakeTopic();
  const auto first = Append("o-1", {.id = "k"});
  ASSERT_TRUE(Append("o-1")->admitted);
  const auto again = Append("o-1", {.id = "k"});
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->offset, first->offset);
  EXPECT_EQ(again->head, first->head);
  EXPECT_EQ(Read("o-1")->events.size(), 2U);
}

TEST_F(RepeatingAnAppend, TellsAConflictAgainThoughItWouldBeAdmittedNow) {
  MakeTopic();
  ASSERT_FALSE(Append("o-1", {.id = "k", .expected = Exists()})->admitted);
  ASSERT_TRUE(Append("o-1")->admitted);
  const auto again = Append("o-1", {.id = "k", .expected = Exists()});
  EXPECT_TRUE(again->replayed);
  EXPECT_FALSE(again->admitted);
  EXPECT_EQ(again->head, std::nullopt);
}

TEST_F(RepeatingAnAppend, IsRefusedWithOtherEvents) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1", {.id = "k"})->admitted);
  const auto other = Append("o-1", {.id = "k", .data = R"({"n":2})"});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().reason(), "idempotency-key-reused");
  EXPECT_EQ(Read("o-1")->events.size(), 1U);
}

TEST_F(RepeatingAnAppend, IsRefusedWithAnotherCondition) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1", {.id = "k", .expected = New()})->admitted);
  EXPECT_EQ(Append("o-1", {.id = "k"}).error().reason(), "idempotency-key-reused");
}

TEST_F(RepeatingAnAppend, MeansAnotherAppendInAnotherStream) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1", {.id = "k"})->admitted);
  const auto other = Append("o-2", {.id = "k"});
  EXPECT_TRUE(other->admitted);
  EXPECT_FALSE(other->replayed);
}

TEST_F(RepeatingAnAppend, WhileTheFirstIsInFlightWaitsForTheSameVerdict) {
  MakeTopic();
  log_.HoldReaders(true);
  auto first = StartAppend("o-1", {.id = "k"});
  auto second = StartAppend("o-1", {.id = "k"});
  const Offset end = *log_.Latest({topic_, Partition(0)});
  log_.HoldReaders(false);
  EXPECT_FALSE(first.get()->replayed);
  EXPECT_TRUE(second.get()->replayed);
  EXPECT_EQ(end, Offset(2)) << "genesis and one attempt, not two";
}

TEST_F(AnAppendWhoseAnswerIsLost, GetsItsVerdictFromTheFold) {
  MakeTopic();
  log_.SetFault(MemoryLog::Fault::kLoseAnswer);
  EXPECT_TRUE(Append("o-1")->admitted);
}

TEST_F(AnAppendWhoseAnswerIsLost, NeedsNoOffset) {
  MakeTopic();
  log_.SetFault(MemoryLog::Fault::kLoseOffset);
  const auto outcome = Append("o-1");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->offset, Offset(1));
}

TEST_F(AnAppendWhoseAnswerIsLost, IsUndecidedAtTheDeadlineAndSettledByRepeating) {
  MakeTopic();
  log_.SetFault(MemoryLog::Fault::kLoseRecord);
  const auto lost = Append("o-1", {.id = "k", .wait = milliseconds(50)});
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(lost.error().reason(), "append-undecided");
  log_.SetFault(MemoryLog::Fault::kNone);
  EXPECT_TRUE(Append("o-1", {.id = "k"})->admitted);
  EXPECT_EQ(Read("o-1")->events.size(), 1U);
}

TEST_F(AnAppendWhoseAnswerIsLost, IsOneEventHoweverOftenItIsRepeated) {
  MakeTopic();
  log_.HoldReaders(true);
  EXPECT_EQ(Append("o-1", {.id = "k", .wait = milliseconds(20)}).error().code(),
            ErrorCode::kTimeout);
  EXPECT_EQ(Append("o-1", {.id = "k", .wait = milliseconds(20)}).error().code(),
            ErrorCode::kTimeout);
  log_.HoldReaders(false);
  EXPECT_TRUE(Append("o-1", {.id = "k"})->admitted);
  EXPECT_EQ(Read("o-1")->events.size(), 1U);
}

TEST_F(AskingForAVerdict, TellsWhatTheAppendWasTold) {
  MakeTopic();
  const auto told = Append("o-1", {.id = "k", .events = 2});
  const auto found = FindAppend("o-1", "k");
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_TRUE(found->admitted);
  EXPECT_EQ(found->first_version, told->first_version);
  EXPECT_EQ(found->head, told->head);
  EXPECT_EQ(found->count, 2U);
}

TEST_F(AskingForAVerdict, SaysUnknownOnlyOnceTheLogIsFoldedToItsEnd) {
  MakeTopic();
  ASSERT_TRUE(Append("o-1")->admitted);
  EXPECT_EQ(FindAppend("o-1", "never").error().reason(), "append-unknown");
  log_.HoldReaders(true);
  auto held = StartAppend("o-1", {.id = "held"});
  EXPECT_EQ(FindAppend("o-1", "never", milliseconds(20)).error().reason(), "append-undecided");
  log_.HoldReaders(false);
  EXPECT_TRUE(held.get()->admitted);
}

TEST_F(AppendingInVain, SaysThatNothingWasWritten) {
  MakeTopic();
  log_.SetFault(MemoryLog::Fault::kRefuse);
  const auto refused = Append("o-1", {.id = "k"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(*log_.Latest({topic_, Partition(0)}), Offset(1));
}

TEST_F(AppendingInVain, KnowsNoUnknownTopic) {
  EXPECT_EQ(Append("o-1").error().reason(), "topic-unknown");
}

TEST_F(AppendingInVain, LeavesAdoptedTopicsAlone) {
  log_.AddTopic(topic_, 1);
  log_.Write({topic_, Partition(0)}, {"key", "value", {}});
  ASSERT_TRUE(store_->GetTopic(topic_).ok());
  EXPECT_EQ(Append("o-1").error().reason(), "topic-not-owned");
}

TEST_F(AppendingInVain, RefusesWhatDoesNotFitIntoOneRecord) {
  MakeTopic();
  const auto refused = Append("o-1", {.data = "\"" + std::string(1'000'000, 'x') + "\""});
  EXPECT_EQ(refused.error().reason(), "append-too-large");
}

}  // namespace
}  // namespace bitacora::tests
