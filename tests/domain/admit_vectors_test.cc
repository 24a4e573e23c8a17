// Runs the vectors of docs/admit.md: what is promised to those who read Kafka directly.
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/admit.h>

#include "support/memory_streams.h"

namespace bitacora {
namespace {

using Json = nlohmann::json;

Json ReadVectors() {
  std::ifstream file(BITACORA_SOURCE_DIR "/docs/admit.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::string text = page.str();
  const std::string fence = "```json\n";
  const std::size_t begin = text.find(fence) + fence.size();
  return Json::parse(text.substr(begin, text.find("```", begin) - begin));
}

StoredRecord ReadRecord(const Json& row) {
  Record record;
  if (row.contains("key_hex")) {
    record.key = HexDecode(row["key_hex"].get<std::string>()).value();
  } else if (!row["key"].is_null()) {
    record.key = row["key"].get<std::string>();
  }
  if (!row["value"].is_null()) record.value = row["value"].get<std::string>();
  for (const Json& header : row["headers"]) record.headers.push_back({header[0], header[1]});
  StoredRecord stored = MakeStoredRecord(Offset(row["offset"]), 0, std::move(record));
  stored.is_tombstone = row["value"].is_null();
  return stored;
}

template <typename Number>
Json OrNull(const std::optional<Number>& number) {
  return number ? Json(number->value) : Json(nullptr);
}

/// The step as a row of a vector says it.
Json Describe(const FoldStep& step) {
  Json row = {{"verdict", VerdictName(step.verdict)}};
  if (step.verdict <= Verdict::kKeyReused) {
    const Remembered& kept = step.remembered;
    row["first"] = kept.admitted ? Json(kept.first_version.value) : Json(nullptr);
    row["head"] = OrNull(kept.head);
  }
  return row;
}

Json Expectation(const Json& row) {
  Json expected = {{"verdict", row["verdict"]}};
  for (const char* const name : {"first", "head"}) {
    if (row.contains(name)) expected[name] = row[name];
  }
  return expected;
}

void RunVector(const Json& vector) {
  SCOPED_TRACE(vector["name"].get<std::string>());
  testing::MemoryStreams streams;
  PartitionFold fold;
  for (const Json& row : vector["records"]) {
    SCOPED_TRACE(row.dump());
    const StoredRecord record = ReadRecord(row);
    const PartitionFold before = fold;
    const auto step = FoldRecord(record, Partition(vector["partition"]), &fold, streams);
    if (row["verdict"] == "needs-newer-rule") {
      EXPECT_FALSE(step.has_value());
      EXPECT_EQ(fold, before);
      continue;
    }
    ASSERT_TRUE(step.has_value());
    EXPECT_EQ(Describe(*step), Expectation(row));
    EXPECT_EQ(fold.next, record.offset.Next());
    streams.Apply(*step);
  }
  const std::string_view chain(reinterpret_cast<const char*>(fold.chain.data()), fold.chain.size());
  EXPECT_EQ(HexEncode(chain), vector["chain"]);
}

TEST(VectorsOfTheAdmitPage, GiveTheVerdictsTheySay) {
  for (const Json& vector : ReadVectors()) RunVector(vector);
}

TEST(VectorsOfTheAdmitPage, ShowEveryVerdict) {
  std::set<std::string> shown;
  for (const Json& vector : ReadVectors()) {
    for (const Json& row : vector["records"]) shown.insert(row["verdict"]);
  }
  std::set<std::string> all{"needs-newer-rule"};
  for (int number = 1; number <= 8; ++number) {
    all.insert(std::string(VerdictName(static_cast<Verdict>(number))));
  }
  EXPECT_EQ(shown, all);
}

}  // namespace
}  // namespace bitacora
