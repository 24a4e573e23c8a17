#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/admit.h>

#include "support/memory_streams.h"
#include "support/seed.h"

namespace bitacora {
namespace {

using testing::Below;
using testing::MemoryStreams;
using Json = nlohmann::json;

constexpr std::int32_t kPartitions = 3;
const std::string kLogId = "5f0c3a52-9d1b-4c86-8a53-0d7f6f2b9e11";

Fingerprint FingerprintNumber(int number) {
  Fingerprint fingerprint{};
  fingerprint[3] = static_cast<std::uint8_t>(number);
  return fingerprint;
}

// ---- Random logs, and a second opinion on them

/// What a record of a random log was made to be.
struct Intent {
  enum class Kind { kGenesis, kAttempt, kForeign, kMalformed };
  Kind kind = Kind::kAttempt;
  std::string stream;
  bool has_key = true;
  std::string id;
  Expected expected;
  int count = 1;
  int fingerprint = 0;
  int damage = 0;  ///< kMalformed: in which way.
};

/// Spoils one header of a record that is an attempt.
void Damage(int way, Record* record) {
  std::vector<RecordHeader>& headers = record->headers;
  const auto some = static_cast<std::size_t>(way) % headers.size();
  switch (way % 4) {
    case 0:
      headers.push_back(headers[some]);
      break;
    case 1:
      headers[some].value += "?";
      if (headers[some].name == kAppendHeader) headers[some].value += ' ';
      break;
    case 2:
      headers.push_back({std::string(kOwnPrefix) + "other", ""});
      break;
    default:
      headers.erase(headers.begin());  // The rule.
  }
}

Record MakeRecord(const Intent& intent) {
  if (intent.kind == Intent::Kind::kGenesis) return MakeGenesis({kLogId, kPartitions, kAdmitRule});
  Record record;
  if (intent.kind == Intent::Kind::kForeign) {
    record.key = intent.stream;
    record.headers = {{"content-type", "text/plain"}};
  } else {
    record = MakeAttempt(StreamName(intent.stream), AppendId(intent.id), intent.expected,
                         static_cast<std::uint32_t>(intent.count),
                         FingerprintNumber(intent.fingerprint));
    if (intent.kind == Intent::Kind::kMalformed) Damage(intent.damage, &record);
  }
  if (!intent.has_key) record.key.reset();
  record.value = "value of " + intent.id;
  return record;
}

Expected RandomExpected(std::mt19937_64& random) {
  switch (Below(random, 6)) {
    case 0:
      return {Expected::Kind::kNew, Version()};
    case 1:
      return {Expected::Kind::kExists, Version()};
    case 2:
    case 3:
      return {Expected::Kind::kVersion, Version(static_cast<std::int64_t>(Below(random, 12)))};
    default:
      return {};
  }
}

/// Few streams and ids, so that conflicts, copies and reused ids are common.
Intent RandomIntent(std::mt19937_64& random, const std::vector<Intent>& before) {
  if (!before.empty() && Below(random, 4) == 0) return before[Below(random, before.size())];
  Intent intent;
  intent.stream = "stream-" + std::to_string(Below(random, 12));
  intent.id = "append-" + std::to_string(Below(random, 40));
  intent.expected = RandomExpected(random);
  intent.count = Below(random, 3) == 0 ? static_cast<int>(Below(random, 5)) + 1 : 1;
  intent.fingerprint = static_cast<int>(Below(random, 2));
  intent.has_key = Below(random, 25) != 0;
  intent.damage = static_cast<int>(random() & 0xFFFF);
  const std::size_t dice = Below(random, 20);
  if (dice == 0) intent.kind = Intent::Kind::kForeign;
  if (dice == 1) intent.kind = Intent::Kind::kMalformed;
  if (dice == 2) intent.kind = Intent::Kind::kGenesis;
  return intent;
}

struct RandomLog {
  Partition self;
  std::vector<Intent> intents;
  std::vector<StoredRecord> records;
};

RandomLog MakeRandomLog(std::mt19937_64& random) {
  RandomLog log;
  log.self = Partition(static_cast<std::int32_t>(Below(random, kPartitions)));
  const std::size_t size = 1 + Below(random, 300);
  Offset offset;
  for (std::size_t i = 0; i < size; ++i) {
    Intent intent = RandomIntent(random, log.intents);
    // Most logs begin properly; misplaced records are common enough without help.
    if (i == Below(random, 3)) intent.kind = Intent::Kind::kGenesis;
    log.intents.push_back(intent);
    log.records.push_back(MakeStoredRecord(offset, 0, MakeRecord(intent)));
    offset = Offset(offset.value + 1 + static_cast<std::int64_t>(Below(random, 3) == 0));
  }
  return log;
}

struct Outcome {
  Verdict verdict = Verdict::kUnreadable;
  std::int64_t first = -1;  ///< Admitted and its duplicates.
  std::int64_t head = -1;
  bool operator==(const Outcome&) const = default;
};

/// What the rule says, in the plainest way: every question is answered by going through all that
/// came before, and from what the records were made to be, not from their bytes.
class NaiveModel {
 public:
  explicit NaiveModel(const RandomLog& log) : log_(log) {
    for (std::size_t i = 0; i < log.intents.size(); ++i) outcomes_.push_back(Judge(i));
  }
  const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  Outcome Judge(std::size_t at) const {
    const Intent& intent = log_.intents[at];
    if (intent.kind == Intent::Kind::kGenesis) return {Verdict::kGenesis};
    if (!HasGenesisBefore(at)) return {Verdict::kBeforeGenesis};
    if (!intent.has_key || PartitionOf(intent.stream, kPartitions) != log_.self) {
      return {Verdict::kMisplaced};
    }
    if (intent.kind != Intent::Kind::kAttempt) return {Verdict::kUnreadable};
    for (std::size_t i = 0; i < at; ++i) {
      if (!IsFirstOf(i, intent)) continue;
      const bool same = log_.intents[i].fingerprint == intent.fingerprint;
      return {same ? Verdict::kDuplicate : Verdict::kKeyReused, outcomes_[i].first,
              outcomes_[i].head};
    }
    const std::int64_t events = EventsBefore(at, intent.stream);
    if (!Holds(intent.expected, events)) return {Verdict::kConflict, -1, events - 1};
    return {Verdict::kAdmitted, events, events + intent.count - 1};
  }

  bool HasGenesisBefore(std::size_t at) const {
    for (std::size_t i = 0; i < at; ++i) {
      if (log_.intents[i].kind == Intent::Kind::kGenesis) return true;
    }
    return false;
  }

  bool IsFirstOf(std::size_t i, const Intent& intent) const {
    return (outcomes_[i].verdict == Verdict::kAdmitted ||
            outcomes_[i].verdict == Verdict::kConflict) &&
           log_.intents[i].stream == intent.stream && log_.intents[i].id == intent.id;
  }

  std::int64_t EventsBefore(std::size_t at, const std::string& stream) const {
    std::int64_t events = 0;
    for (std::size_t i = 0; i < at; ++i) {
      const bool counts =
          outcomes_[i].verdict == Verdict::kAdmitted && log_.intents[i].stream == stream;
      if (counts) events += log_.intents[i].count;
    }
    return events;
  }

  static bool Holds(const Expected& expected, std::int64_t events) {
    return expected.kind == Expected::Kind::kAny ||
           (expected.kind == Expected::Kind::kNew && events == 0) ||
           (expected.kind == Expected::Kind::kExists && events > 0) ||
           (expected.kind == Expected::Kind::kVersion && expected.version.value == events - 1);
  }

  const RandomLog& log_;
  std::vector<Outcome> outcomes_;
};

/// Everything a node keeps of a partition.
struct FoldState {
  PartitionFold fold;
  MemoryStreams streams;
};

std::string Serialize(const FoldState& state) {
  Json json = {{"heads", Json::object()}, {"known", Json::array()}};
  const PartitionFold& fold = state.fold;
  if (fold.genesis) json["genesis"] = {fold.genesis->log_id, fold.genesis->partitions};
  json["fold"] = {fold.next.value, fold.events, fold.attempts, fold.unreadable, fold.misplaced};
  json["chain"] = fold.chain;
  for (const auto& [stream, head] : state.streams.heads) json["heads"][stream] = head.value;
  for (const auto& [key, kept] : state.streams.known) {
    json["known"].push_back({key.first, key.second, kept.fingerprint, kept.admitted,
                             kept.first_version.value, kept.count,
                             kept.head ? Json(kept.head->value) : Json(), kept.offset.value});
  }
  return json.dump();
}

FoldState Deserialize(const std::string& text) {
  const Json json = Json::parse(text);
  FoldState state;
  if (json.contains("genesis")) {
    state.fold.genesis = Genesis{json["genesis"][0], json["genesis"][1], kAdmitRule};
  }
  state.fold.next = Offset(json["fold"][0]);
  state.fold.events = json["fold"][1];
  state.fold.attempts = json["fold"][2];
  state.fold.unreadable = json["fold"][3];
  state.fold.misplaced = json["fold"][4];
  state.fold.chain = json["chain"];
  for (const auto& [stream, head] : json["heads"].items()) {
    state.streams.heads[stream] = Version(head);
  }
  for (const Json& row : json["known"]) {
    Remembered kept;
    kept.fingerprint = row[2].get<Fingerprint>();
    kept.admitted = row[3];
    kept.first_version = Version(row[4]);
    kept.count = row[5];
    if (!row[6].is_null()) kept.head = Version(row[6]);
    kept.offset = Offset(row[7]);
    state.streams.known[{row[0], row[1]}] = kept;
  }
  return state;
}

/// Folds `log`; after each record `restart` says whether the node starts again from what it stored.
template <typename Restart>
std::vector<Outcome> Fold(const RandomLog& log, FoldState* state, Restart restart) {
  std::vector<Outcome> outcomes;
  for (const StoredRecord& record : log.records) {
    const auto step = FoldRecord(record, log.self, &state->fold, state->streams);
    if (!step) {
      ADD_FAILURE() << "stopped at offset " << record.offset.value;
      return outcomes;
    }
    state->streams.Apply(*step);
    Outcome outcome{step->verdict};
    if (step->verdict <= Verdict::kKeyReused) {
      if (step->remembered.admitted) outcome.first = step->remembered.first_version.value;
      if (step->remembered.head) outcome.head = step->remembered.head->value;
    }
    outcomes.push_back(outcome);
    if (restart()) *state = Deserialize(Serialize(*state));
  }
  return outcomes;
}

void ExpectVersionsWithoutHoles(const RandomLog& log, const std::vector<Outcome>& outcomes) {
  std::map<std::string, std::int64_t> next;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].verdict != Verdict::kAdmitted) continue;
    std::int64_t& expected = next[log.intents[i].stream];
    EXPECT_EQ(outcomes[i].first, expected);
    expected = outcomes[i].head + 1;
    EXPECT_EQ(expected - outcomes[i].first, log.intents[i].count);
  }
}

std::int64_t Count(const std::vector<Outcome>& outcomes, Verdict verdict) {
  std::int64_t count = 0;
  for (const Outcome& outcome : outcomes) count += outcome.verdict == verdict;
  return count;
}

TEST(FoldingARandomLog, GivesTheSameInOneGoAfterRestartsAndByTheNaiveModel) {
  const std::uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  std::map<Verdict, std::int64_t> seen;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const RandomLog log = MakeRandomLog(random);
    FoldState at_once;
    const auto outcomes = Fold(log, &at_once, [] { return false; });
    FoldState restarted;
    const auto again = Fold(log, &restarted, [&] { return Below(random, 10) == 0; });
    EXPECT_EQ(again, outcomes);
    EXPECT_EQ(Serialize(restarted), Serialize(at_once));
    EXPECT_EQ(NaiveModel(log).outcomes(), outcomes);
    ExpectVersionsWithoutHoles(log, outcomes);
    EXPECT_EQ(at_once.fold.misplaced, Count(outcomes, Verdict::kMisplaced));
    EXPECT_EQ(at_once.fold.unreadable, Count(outcomes, Verdict::kUnreadable));
    for (const Outcome& outcome : outcomes) ++seen[outcome.verdict];
    if (HasFailure()) return;
  }
  EXPECT_EQ(seen.size(), 8u) << "the generator no longer makes every verdict";
}

// ---- Single rules

/// A partition of a topic with one partition, behind its genesis.
class OnePartition : public ::testing::Test {
 protected:
  OnePartition() { Fold(MakeGenesis({kLogId, 1, kAdmitRule})); }

  std::optional<FoldStep> Fold(Record record) {
    last_ = MakeStoredRecord(state_.fold.next, 0, std::move(record));
    auto step = FoldRecord(last_, Partition(0), &state_.fold, state_.streams);
    if (step) state_.streams.Apply(*step);
    return step;
  }

  static Record AppendOf(const std::string& id, Expected expected = {}, std::uint32_t count = 1) {
    return MakeAttempt(StreamName("s"), AppendId(id), expected, count, FingerprintNumber(1));
  }

  FoldState state_;
  StoredRecord last_;
};

TEST_F(OnePartition, IsCountedByWhatItsRecordsCameTo) {
  Fold(AppendOf("a", {}, 3));
  Fold(AppendOf("a", {}, 3));
  Fold(AppendOf("b", {Expected::Kind::kNew, Version()}));
  Fold(Record{"s", "", {}});
  Fold(Record{std::nullopt, "", {}});
  EXPECT_EQ(state_.fold.events, 3);
  EXPECT_EQ(state_.fold.attempts, 3);
  EXPECT_EQ(state_.fold.unreadable, 1);
  EXPECT_EQ(state_.fold.misplaced, 1);
  EXPECT_EQ(state_.fold.next, Offset(6));
}

TEST_F(OnePartition, RemembersTheRecordThatGotTheVerdict) {
  Fold(AppendOf("a", {}, 2));
  const auto step = Fold(AppendOf("a", {}, 2));
  ASSERT_EQ(step->verdict, Verdict::kDuplicate);
  EXPECT_EQ(step->remembered.offset, Offset(1));
  EXPECT_EQ(step->remembered.count, 2u);
  EXPECT_EQ(step->remembered.head, Version(1));
}

TEST_F(OnePartition, DoesNotRememberVoidAttempts) {
  Fold(AppendOf("a"));
  Record reused = AppendOf("a");
  reused.headers.back().value = std::string(32, '0');
  ASSERT_EQ(Fold(reused)->verdict, Verdict::kKeyReused);
  EXPECT_EQ(state_.streams.known.size(), 1u);
  EXPECT_EQ(Fold(AppendOf("a"))->verdict, Verdict::kDuplicate);
}

TEST_F(OnePartition, StaysWhereItWasAtAHigherRule) {
  const PartitionFold before = state_.fold;
  Record record = AppendOf("a");
  record.headers[0].value = "2";
  EXPECT_FALSE(Fold(record).has_value());
  EXPECT_EQ(state_.fold, before);
}

TEST_F(OnePartition, HasAChainThatTellsApartWhateverAdmitSees) {
  const auto chain_after = [](const Record& record, Offset offset) {
    return NextChain(Chain{}, MakeStoredRecord(offset, 0, record));
  };
  const Chain chain = chain_after(AppendOf("a"), Offset(1));
  EXPECT_NE(chain, chain_after(AppendOf("a"), Offset(2)));
  EXPECT_NE(chain, chain_after(AppendOf("b"), Offset(1)));
  EXPECT_NE(chain, chain_after(AppendOf("a", {}, 2), Offset(1)));
  EXPECT_NE(chain, chain_after(AppendOf("a", {Expected::Kind::kNew, Version()}), Offset(1)));
  Record other_stream = AppendOf("a");
  other_stream.key = "t";
  EXPECT_NE(chain, chain_after(other_stream, Offset(1)));
  EXPECT_NE(chain, NextChain(chain, MakeStoredRecord(Offset(1), 0, AppendOf("a"))));
}

TEST_F(OnePartition, HasAChainThatIgnoresTimesAndForeignHeadersOfAnAttempt) {
  Record traced = AppendOf("a");
  traced.headers.push_back({std::string(kTraceHeader), "00-1-2-01"});
  EXPECT_EQ(NextChain(Chain{}, MakeStoredRecord(Offset(1), 5, AppendOf("a"))),
            NextChain(Chain{}, MakeStoredRecord(Offset(1), 9, traced)));
}

TEST(AnAttempt, IsReadAsItWasMade) {
  const Expected expected{Expected::Kind::kVersion, Version(41)};
  const StoredRecord record = MakeStoredRecord(
      Offset(0), 0,
      MakeAttempt(StreamName("order-1"), AppendId("k#7"), expected, 1000, FingerprintNumber(9)));
  const RecordMeaning meaning = ReadMeaning(record);
  const auto* const attempt = std::get_if<Attempt>(&meaning);
  ASSERT_NE(attempt, nullptr);
  EXPECT_EQ(attempt->stream, "order-1");
  EXPECT_EQ(attempt->append_id, "k#7");
  EXPECT_EQ(attempt->expected, expected);
  EXPECT_EQ(attempt->count, 1000u);
  EXPECT_EQ(attempt->fingerprint, FingerprintNumber(9));
}

TEST(AGenesis, IsReadAsItWasMade) {
  const Genesis genesis{kLogId, 64, kAdmitRule};
  const RecordMeaning meaning = ReadMeaning(MakeStoredRecord(Offset(0), 0, MakeGenesis(genesis)));
  ASSERT_TRUE(std::holds_alternative<Genesis>(meaning));
  EXPECT_EQ(std::get<Genesis>(meaning), genesis);
}

TEST(ACondition, IsReadAsItIsWritten) {
  const std::vector<Expected> all{{},
                                  {Expected::Kind::kNew, Version()},
                                  {Expected::Kind::kExists, Version()},
                                  {Expected::Kind::kVersion, Version(0)},
                                  {Expected::Kind::kVersion, Version(INT64_MAX)}};
  for (const Expected& expected : all) {
    EXPECT_EQ(ParseExpected(FormatExpected(expected)), expected);
  }
  for (const char* const text : {" ", "any", "NEW", "1 ", "-1", "01", "9223372036854775808"}) {
    EXPECT_FALSE(ParseExpected(text)) << text;
  }
}

}  // namespace
}  // namespace bitacora
