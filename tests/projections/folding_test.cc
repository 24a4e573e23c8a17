// How records are cut into batches must not matter: a model is a function of the log.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/domain/admit.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/projections/latest_projection.h>

#include "projections/read_models_fixture.h"
#include "support/events.h"
#include "support/seed.h"

namespace bitacora::projections {
namespace {

class CuttingTheSameRecordsIntoBatches : public ReadModelStoreTest {
 protected:
  /// All rows and the state, as text that can be compared.
  std::map<std::string, std::string> FoldIn(const std::string& name,
                                            const std::vector<SourceRecord>& records, bool owned,
                                            const std::vector<std::size_t>& cuts) {
    const Model model = MakeModel(1, owned, name);
    const Source source{TopicName("orders"), Partition(0), owned};
    DocumentBatch batch(*store_, model, Partition(0));
    PartitionState state;
    std::size_t from = 0;
    for (const std::size_t to : cuts) {
      const std::span<const SourceRecord> some(records.data() + from, to - from);
      EXPECT_EQ(LatestProjection().Fold(source, some, batch).records, some.size());
      for (const SourceRecord& record : some) {
        state.chain = NextChain(state.chain, record.record);
        state.next = record.record.offset.Next();
        ++state.records;
      }
      EXPECT_TRUE(batch.Commit(&state).ok());
      from = to;
    }
    const auto snapshot = store_->Snapshot(model);
    EXPECT_EQ(snapshot->State(Partition(0)).value(), state);
    std::map<std::string, std::string> all;
    for (const auto& [key, row] : RowsOf(*snapshot, 0)) {
      all["row " + key] =
          row.value + "@" + std::to_string(row.offset.value) + "@" + std::to_string(row.time_ms);
    }
    all["digest"] = state.digest.Hex();
    all["chain"] = std::string(state.chain.begin(), state.chain.end());
    all["next"] = std::to_string(state.next.value);
    all["documents"] = std::to_string(state.documents);
    return all;
  }

  static std::vector<std::size_t> RandomCuts(std::mt19937_64& random, std::size_t records) {
    std::vector<std::size_t> cuts{records};
    for (std::size_t more = testing::Below(random, 30); more > 0; --more) {
      cuts.push_back(testing::Below(random, records + 1));
    }
    std::sort(cuts.begin(), cuts.end());
    return cuts;
  }

  static void ExpectSame(const std::map<std::string, std::string>& a,
                         const std::map<std::string, std::string>& b) {
    EXPECT_EQ(a, b);
  }
};

TEST_F(CuttingTheSameRecordsIntoBatches, MakesTheSameModelOfAnOwnedTopic) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 10; ++round) {
    std::vector<SourceRecord> records;
    std::map<std::string, std::int64_t> versions;
    for (std::int64_t offset = 1; offset < 200; ++offset) {
      const std::string stream = "s-" + std::to_string(testing::Below(random, 12));
      std::vector<Event> events(1 + testing::Below(random, 4), testing::PlacedOrder());
      events.back() = testing::WithJson(events.back(), std::to_string(random()));
      const auto count = static_cast<std::uint32_t>(events.size());
      Record record =
          MakeAttempt(StreamName(stream), AppendId(std::to_string(offset)), {}, count, {});
      EncodeEvents(events, &record);
      records.push_back({MakeStoredRecord(Offset(offset), offset, std::move(record)),
                         Version(versions[stream]), count});
      versions[stream] += count;
    }
    const std::string name = "round-" + std::to_string(round);
    ExpectSame(FoldIn(name + "-once", records, true, {records.size()}),
               FoldIn(name + "-cut", records, true, RandomCuts(random, records.size())));
  }
}

TEST_F(CuttingTheSameRecordsIntoBatches, MakesTheSameModelOfAnAdoptedTopic) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 10; ++round) {
    std::vector<SourceRecord> records;
    for (std::int64_t offset = 0; offset < 200; ++offset) {
      Record record;
      if (testing::Below(random, 5) > 0) record.key = std::to_string(testing::Below(random, 12));
      record.value = std::to_string(random());
      StoredRecord stored = MakeStoredRecord(Offset(offset), offset, std::move(record));
      if (testing::Below(random, 3) == 0) {
        stored.value = {};
        stored.is_tombstone = true;
      }
      records.push_back({std::move(stored), {}, 1});
    }
    const std::string name = "round-" + std::to_string(round);
    ExpectSame(FoldIn(name + "-once", records, false, {records.size()}),
               FoldIn(name + "-cut", records, false, RandomCuts(random, records.size())));
  }
}

}  // namespace
}  // namespace bitacora::projections
