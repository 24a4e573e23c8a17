// Any partition: records made of pieces, one after the other. Folding them in one go and folding
// them with all state carried over by value give the same; versions have no holes.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/domain/admit.h>

#include "fuzz/input.h"
#include "support/memory_streams.h"

namespace bitacora {
namespace {

constexpr std::string_view kFingerprint = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
constexpr std::string_view kGenesis = "5f0c3a52-9d1b-4c86-8a53-0d7f6f2b9e11 2";
constexpr std::string_view kNames[] = {
    kRuleHeader,        kAppendHeader,  kExpectedHeader, kCountHeader,
    kFingerprintHeader, kGenesisHeader, kCloseHeader,    "ce_id"};
constexpr std::string_view kValues[] = {"1",      "2",          "0",      "new",
                                        "exists", kFingerprint, kGenesis, "a"};

/// A header of well-known pieces, or of any bytes.
RecordHeader HeaderOf(fuzz::Input* input) {
  const unsigned choice = input->Byte();
  RecordHeader header{std::string(kNames[choice % 8]), std::string(kValues[choice / 8 % 8])};
  if (choice >= 192) header.value = input->Text();
  if (choice >= 240) header.name = input->Text();
  return header;
}

/// A proper attempt, genesis, or headers piece by piece.
Record RecordOf(fuzz::Input* input) {
  const unsigned choice = input->Byte();
  if (choice < 8) return MakeGenesis({std::string(kGenesis.substr(0, 36)), 2, kAdmitRule});
  if (choice < 128) {
    const unsigned more = input->Byte();
    const auto expected = ParseExpected(kValues[more / 4 % 5]);
    Record record = MakeAttempt(StreamName(std::string(1, static_cast<char>('a' + choice % 4))),
                                AppendId(std::string(1, static_cast<char>('a' + more % 4))),
                                expected.value_or(Expected{}), 1 + more / 32, Fingerprint{});
    if (choice >= 100) record.headers.push_back(HeaderOf(input));
    return record;
  }
  Record record;
  if (choice % 2 == 1) record.key = input->Text();
  for (unsigned count = choice / 2 % 8; count > 0; --count)
    record.headers.push_back(HeaderOf(input));
  record.value = input->Text();
  return record;
}

struct Node {
  std::optional<FoldStep> Fold(const StoredRecord& record, Partition self) {
    const auto step = FoldRecord(record, self, &fold, streams);
    if (step) streams.Apply(*step);
    return step;
  }

  testing::MemoryStreams streams;
  PartitionFold fold;
};

void CheckVersions(const FoldStep& step, std::map<std::string, std::int64_t>* next) {
  if (step.verdict != Verdict::kAdmitted) return;
  std::int64_t& expected = (*next)[std::string(step.attempt.stream)];
  BITACORA_CHECK(step.remembered.first_version.value == expected, "a hole");
  expected += step.attempt.count;
  BITACORA_CHECK(step.remembered.head == Version(expected - 1), "a head");
}

}  // namespace
}  // namespace bitacora

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace bitacora;
  fuzz::Input input(bytes, size);
  const Partition self(static_cast<std::int32_t>(input.Byte() % 2));
  Node one;
  Node two;
  std::map<std::string, std::int64_t> next;
  while (!input.empty()) {
    const auto hole = static_cast<std::int64_t>(input.Byte() % 3);
    const StoredRecord record =
        MakeStoredRecord(Offset(one.fold.next.value + hole), 0, RecordOf(&input));
    const PartitionFold before = one.fold;
    const auto step = one.Fold(record, self);
    const auto step_of_two = two.Fold(record, self);
    BITACORA_CHECK(one.fold == two.fold && step.has_value() == step_of_two.has_value(), "not pure");
    if (!step) {
      BITACORA_CHECK(one.fold == before, "moved at a newer rule");
      break;
    }
    BITACORA_CHECK(step->verdict == step_of_two->verdict, "not pure");
    BITACORA_CHECK(one.fold.chain == NextChain(before.chain, record), "another chain");
    CheckVersions(*step, &next);
  }
  return 0;
}
