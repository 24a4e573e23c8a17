// Frames, segments and what a log's opening makes of them, bit by bit.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/embedded/recovery.h"
#include "src/embedded/segment.h"
#include "src/embedded/segment_index.h"
#include "src/files/frame.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store::embedded {
namespace {

constexpr std::uint64_t kSalt = 0x0123456789ABCDEF;

/// A group of frames behind one that ended in `check`.
FrameGroup GroupOf(std::uint64_t check, const std::vector<std::string>& payloads) {
  FrameGroup group;
  group.Begin(kSalt, check);
  for (const std::string& payload : payloads) {
    group.Add([&](std::string* out) { out->append(payload); });
  }
  return group;
}

std::string CheckBefore(std::uint64_t check) { return EncodeSegmentHead(check).substr(8); }

TEST(AFrame, IsReadAsItWasWritten) {
  for (const std::size_t bytes : {1U, 7U, 8U, 9U, 15U, 16U, 17U, 4096U}) {
    const std::string payload(bytes, 'x');
    const FrameGroup group = GroupOf(7, {payload});
    EXPECT_EQ(group.bytes().size(), FrameBytes(bytes));
    const std::string file = CheckBefore(7) + std::string(group.bytes());
    const auto frame = ReadFrame(file, kSalt);
    ASSERT_TRUE(frame.has_value()) << bytes;
    EXPECT_EQ(frame->payload, payload);
    EXPECT_EQ(frame->check, group.check());
    EXPECT_EQ(frame->bytes, group.bytes().size());
  }
}

TEST(AFrame, WithAnyBitChangedIsNone) {
  std::string file = CheckBefore(7) + std::string(GroupOf(7, {"thirteen bytes"}).bytes());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << bit % 8);
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ mask);
    EXPECT_FALSE(ReadFrame(file, kSalt).has_value()) << bit;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ mask);
  }
  EXPECT_TRUE(ReadFrame(file, kSalt).has_value());
  EXPECT_FALSE(ReadFrame(file, kSalt + 1).has_value());
}

TEST(AFrame, IsCheckedWhateverAClientPutsIntoIt) {
  // A factor of the hash that becomes zero must not erase what was hashed before.
  const std::string golden("\x15\x7C\x4A\x7F\xB9\x79\x37\x9E", 8);
  for (std::size_t at = 0; at < 80; at += 8) {
    std::string payload(88, 'a');
    payload.replace(at, golden.size(), golden);
    std::string file = CheckBefore(7) + std::string(GroupOf(7, {payload}).bytes());
    EXPECT_FALSE(ReadFrame(file, kSalt + 1).has_value());
    for (std::size_t byte = 0; byte < file.size(); ++byte) {
      file[byte] = static_cast<char>(file[byte] ^ 0x10);
      EXPECT_FALSE(ReadFrame(file, kSalt).has_value()) << at << " " << byte;
      file[byte] = static_cast<char>(file[byte] ^ 0x10);
    }
  }
}

TEST(AFrame, CutAnywhereIsNone) {
  const std::string file = CheckBefore(7) + std::string(GroupOf(7, {"thirteen bytes"}).bytes());
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    EXPECT_FALSE(ReadFrame(std::string_view(file).substr(0, bytes), kSalt).has_value()) << bytes;
  }
}

TEST(AFrame, OfZerosIsNone) {
  EXPECT_FALSE(ReadFrame(std::string(4096, '\0'), kSalt).has_value());
  EXPECT_FALSE(ReadFrame(std::string(4096, '\0'), 0).has_value());
}

/// A directory with one segment of a topic, written group by group.
class ASegment : public testing::Test {
 protected:
  ASegment() : bytes_(EncodeSegmentHead(kSalt)), check_(kSalt) {
    Add({PayloadOf(SegmentHeader{"log", SegmentNumber(1), 2, 0, 0}),
         PayloadOf(TopicRow{TopicName("orders"), TopicNumber(1), 2, "inc"})});
  }

  template <typename Row>
  static std::string PayloadOf(const Row& row) {
    std::string payload;
    PutPayload(row, &payload);
    return payload;
  }
  static std::string Record(std::int64_t offset, const std::string& body = "body") {
    return PayloadOf(RecordRow{{TopicNumber(1), Partition(0)}, Offset(offset), 1000, 1000, body});
  }

  /// Where it begins.
  std::size_t Add(const std::vector<std::string>& payloads) {
    const FrameGroup group = GroupOf(check_, payloads);
    const std::size_t at = bytes_.size();
    bytes_ += group.bytes();
    check_ = group.check();
    return at;
  }
  /// The log as it is now.
  Testimony Now(std::uint64_t records) const {
    return {records, 1, SegmentNumber(1), {bytes_.size(), check_}};
  }
  void Write(const std::string& bytes, SegmentNumber number = SegmentNumber(1)) const {
    std::ofstream(SegmentPath(directory_.path(), number), std::ios::binary) << bytes;
  }
  Result<FoundLog> Find(const Testimony& witness) const {
    return FindLog(disk_, directory_.path(), &witness);
  }

  tests::TemporaryDirectory directory_;
  const Disk disk_{nullptr};
  std::string bytes_;
  std::uint64_t check_;
};

TEST_F(ASegment, IsFoundAsItWasWritten) {
  Add({Record(0), Record(1)});
  Add({Record(2)});
  Write(bytes_);
  const auto found = Find(Now(3));
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_EQ(found->contents.log_id, "log");
  EXPECT_EQ(found->contents.records, 3U);
  EXPECT_EQ(found->contents.topics.at(0).heads.at(0).end, Offset(3));
  EXPECT_EQ(found->segments.at(0).runs->begin()->second.places.size(), 3U);
}

TEST_F(ASegment, EndsBeforeAWriteThatWasTornAnywhere) {
  Add({Record(0)});
  const Testimony witness = Now(1);
  const std::size_t from = Add({Record(1), Record(2, std::string(900, 'x')), Record(3)});
  for (std::size_t kept = from; kept < bytes_.size(); kept += 13) {
    for (const bool with_zeros : {false, true}) {
      std::string torn = bytes_.substr(0, kept);
      if (with_zeros) torn.resize(bytes_.size());
      Write(torn);
      const auto found = Find(witness);
      ASSERT_TRUE(found.ok()) << kept << ": " << found.error().ToString();
      EXPECT_GE(found->contents.records, 1U);
      EXPECT_LT(found->contents.records, 4U);
    }
  }
}

TEST_F(ASegment, EndsBeforeAWriteWhoseLaterPagesCameFirst) {
  Add({Record(0)});
  const Testimony witness = Now(1);
  const std::size_t from = Add({Record(1), Record(2), Record(3)});
  std::string torn = bytes_;
  torn.replace(from, 16, 16, '\0');
  Write(torn);
  const auto found = Find(witness);
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_EQ(found->contents.records, 1U);
}

TEST_F(ASegment, IsRefusedWhereAWriteBehindADamagedOneIsSound) {
  Add({Record(0)});
  const Testimony old_witness = Now(1);  // As after a power cut.
  const std::size_t from = Add({Record(1)});
  Add({Record(2)});
  for (std::size_t at = from; at < from + FrameBytes(Record(1).size()); ++at) {
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Write(damaged);
    const auto found = Find(old_witness);
    ASSERT_FALSE(found.ok()) << at - from;
    EXPECT_EQ(found.error().code(), ErrorCode::kCorruption);
    EXPECT_THAT(found.error().message(), testing::HasSubstr("00000000000000000001.log"));
  }
}

TEST_F(ASegment, IsRefusedWhereItIsShorterThanItsWitnessSays) {
  const std::size_t from = Add({Record(0)});
  Write(bytes_.substr(0, from));
  const auto found = Find(Now(1));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kCorruption);
}

TEST_F(ASegment, IsRefusedWhereItIsAnotherThanItsWitnessSays) {
  const std::string beginning = bytes_;
  const std::uint64_t check = check_;
  Add({Record(0, "this")});
  const Testimony witness = Now(1);
  bytes_ = beginning;
  check_ = check;
  Add({Record(0, "that")});
  ASSERT_EQ(bytes_.size(), witness.end.bytes);
  Write(bytes_);
  const auto found = Find(witness);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kCorruption);
}

TEST_F(ASegment, IsRefusedWhereItsWitnessNamesNone) {
  Write(bytes_);
  const auto found = Find(Testimony());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kCorruption);
}

TEST_F(ASegment, WithFramesInABodyIsNotMisread) {
  // What a client sent looks like a later group, but for the salt that it cannot know; also where
  // it tries to make the hash forget that.
  FrameGroup forged;
  forged.Begin(kSalt + 1, 0);
  forged.Add([&](std::string* out) { out->append(Record(9)); });
  FrameGroup golden;
  golden.Begin(1, 2);
  golden.Add([&](std::string* out) { out->append("\x15\x7C\x4A\x7F\xB9\x79\x37\x9E", 8); });
  std::string body(64, '\0');
  for (int shift = 0; shift < 8; ++shift) {
    body.append(forged.bytes()).append(golden.bytes()).push_back('x');
  }
  Add({Record(0)});
  const Testimony witness = Now(1);
  const std::size_t from = Add({Record(1, body)});
  bytes_[from + 9] = 'x';
  Write(bytes_);
  const auto found = Find(witness);
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_EQ(found->contents.records, 1U);
}

TEST_F(ASegment, WithBytesThatLookLikeSizesIsReadInOneGo) {
  // Each of these would be the size of a large frame, and all of them were hashed.
  Add({Record(0)});
  const Testimony witness = Now(1);
  std::string body;
  while (body.size() < 1'000'000) body.append("\0\x08\0\0\0\0\0\0", 8);
  for (int i = 1; i < 9; ++i) Add({Record(i, body)});
  bytes_[witness.end.bytes + 9] ^= 0x10;
  Write(bytes_.substr(0, bytes_.size() - 100));
  EXPECT_FALSE(Find(witness).ok());
}

TEST_F(ASegment, TornWhileTheLogWasMadeIsMadeAgain) {
  for (std::size_t kept = 0; kept < bytes_.size(); ++kept) {
    std::string torn = bytes_.substr(0, kept);
    for (const std::size_t size : {kept, bytes_.size()}) {
      torn.resize(size);
      Write(torn);
      const auto found = FindLog(disk_, directory_.path(), nullptr);
      ASSERT_TRUE(found.ok()) << kept << ": " << found.error().ToString();
      EXPECT_TRUE(found->segments.empty() || found->contents.records == 0);
    }
  }
}

TEST_F(ASegment, WithoutAWitnessAndItsStartIsNotMadeAgain) {
  Add({Record(0, std::string(10'000, 'x'))});
  bytes_.replace(0, 4096, 4096, '\0');
  Write(bytes_);
  const auto found = FindLog(disk_, directory_.path(), nullptr);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kCorruption);
}

TEST_F(ASegment, IsNotEmptiedByASecondCopyToOnePlace) {
  Write(bytes_);
  const std::string file = SegmentPath(directory_.path(), SegmentNumber(1));
  const std::string copy = directory_.path() + "/copy";
  ASSERT_TRUE(disk_.LinkOrCopy(file, copy).ok());
  const Status again = disk_.LinkOrCopy(file, copy);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(file), bytes_.size());
}

TEST_F(ASegment, ThatItsWitnessDoesNotKnowWasBeingBegun) {
  Add({Record(0)});
  Write(bytes_);
  for (const std::string& begun : {std::string(), std::string(8192, '\0'), bytes_.substr(0, 30)}) {
    Write(begun, SegmentNumber(2));
    const auto found = Find(Now(1));
    ASSERT_TRUE(found.ok()) << found.error().ToString();
    EXPECT_EQ(found->segments.size(), 1U);
  }
  Write(bytes_, SegmentNumber(3));
  EXPECT_FALSE(Find(Now(1)).ok());
}

TEST_F(ASegment, OfANewerFormatIsNotCalledDamaged) {
  std::string header = PayloadOf(SegmentHeader{"log", SegmentNumber(1), 1, 0, 0});
  header[1] = static_cast<char>(kFormat + 1);
  bytes_ = EncodeSegmentHead(kSalt);
  check_ = kSalt;
  Add({header});
  Write(bytes_);
  const auto found = Find(Now(0));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(ASegment, HasAnIndexThatIsReadAsItWasWrittenOrNotAtAll) {
  SealedSegment segment;
  segment.number = SegmentNumber(1);
  segment.salt = kSalt;
  segment.end = {4000, 77};
  const Runs runs{{{TopicNumber(1), Partition(0)}, {Offset(5), {2, 10, 20}}},
                  {{TopicNumber(3), Partition(7)}, {Offset(0), {30}}}};
  ASSERT_TRUE(WriteIndex(disk_, directory_.path(), runs, &segment).ok());
  const auto read = ReadIndex(disk_, directory_.path(), SegmentNumber(1));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->end, segment.end);
  ASSERT_EQ(read->runs.size(), 2U);
  EXPECT_EQ(read->runs[0].end(), Offset(8));
  EXPECT_EQ(read->runs[1].places_at, segment.runs[1].places_at);

  const std::string path = IndexPath(directory_.path(), SegmentNumber(1));
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, bytes);
    EXPECT_FALSE(ReadIndex(disk_, directory_.path(), SegmentNumber(1)).ok()) << bytes;
  }
  for (std::size_t at = 0; at < segment.runs[0].places_at; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_FALSE(ReadIndex(disk_, directory_.path(), SegmentNumber(1)).ok()) << at;
  }
}

}  // namespace
}  // namespace bitacora::event_store::embedded
