// Damaged files, killed processes: a process reads or writes the log, the test keeps the ledger.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/child_process.h"
#include "support/seed.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store {
namespace {

namespace fs = std::filesystem;
using bitacora::testing::Below;
using bitacora::testing::TestSeed;
using tests::ChildProcess;

constexpr int kDamagedExit = 5;

int FromEnvironment(const char* name, int otherwise) {
  const char* const given = std::getenv(name);
  return given == nullptr ? otherwise : std::atoi(given);
}

std::vector<std::string> Tool(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), BITACORA_EMBEDDED_LOG_TOOL);
  return arguments;
}

/// What `append` printed.
struct Ledger {
  std::set<std::string> sent;
  std::map<std::string, std::string> acked;  ///< Key to "OFFSET SHA".

  explicit Ledger(const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string what;
      std::string key;
      words >> what >> key;
      if (what == "sent") sent.insert(key);
      std::string offset;
      std::string sha;
      if (what == "acked" && words >> offset >> sha) acked[key] = offset + " " + sha;
    }
  }
};

/// What `dump` printed.
struct Contents {
  std::map<std::string, std::string> records;  ///< Key to "OFFSET SHA".
  bool complete = false;
  bool doubled = false;

  explicit Contents(const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string key;
      std::string partition;
      std::string offset;
      std::string sha;
      words >> key >> partition >> offset >> sha;
      if (key == "end") {
        complete = partition == std::to_string(records.size());
      } else if (!records.emplace(key, offset + " " + sha).second) {
        doubled = true;
      }
    }
  }
};

std::string BytesOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The indexes of segments. Nothing of a directory that is not there yet.
std::vector<fs::path> IndexesIn(const fs::path& log) {
  std::vector<fs::path> indexes;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(log, missing)) {
    if (entry.path().extension() == ".index") indexes.push_back(entry.path());
  }
  return indexes;
}

struct Damage {
  std::string file;
  std::string what;
};

/// One bit, a cut, or a zeroed block, somewhere in one file of the log.
Damage DamageSomething(const std::string& log, std::mt19937_64& random) {
  std::map<std::string, std::vector<fs::path>> kinds;
  for (const auto& entry : fs::recursive_directory_iterator(log)) {
    const fs::path& path = entry.path();
    const std::string name = path.filename().string();
    if (!entry.is_regular_file() || entry.file_size() == 0 || name.starts_with("LOG")) continue;
    if (name == "BALLAST" || name == "LOCK") continue;
    kinds[path.has_extension() ? path.extension().string() : name.substr(0, 4)].push_back(path);
  }
  // Every kind of file as often as any other.
  const auto kind =
      std::next(kinds.begin(), static_cast<std::ptrdiff_t>(Below(random, kinds.size())));
  const fs::path path = kind->second[Below(random, kind->second.size())];
  // Behind what was written is space that a file was given ahead.
  const std::size_t size = std::max<std::size_t>(BytesOf(path).find_last_not_of('\0') + 1, 1);
  std::size_t at = Below(random, size);
  Damage damage{fs::relative(path, log).string(), {}};
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  switch (Below(random, 4)) {
    case 0: {
      damage.what = "cut at ";
      file.close();
      fs::resize_file(path, at);
      break;
    }
    case 1: {
      damage.what = "4 KiB of zeros at ";
      at = at / 4096 * 4096;
      const std::string zeros(std::min<std::size_t>(4096, size - at), '\0');
      file.seekp(static_cast<std::streamoff>(at))
          .write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
      break;
    }
    default: {
      damage.what = "one bit at ";
      file.seekg(static_cast<std::streamoff>(at));
      char byte = static_cast<char>(file.get());
      byte = static_cast<char>(byte ^ (1 << Below(random, 8)));
      file.seekp(static_cast<std::streamoff>(at)).put(byte);
    }
  }
  damage.what += std::to_string(at) + " of " + std::to_string(size);
  return damage;
}

class ADamagedLog : public ::testing::Test {
 protected:
  /// A log of many segments, whose last one was left by a kill, with room for more.
  void SetUp() override {
    for (const char* records : {"3000", "2000", "1500"}) {
      ChildProcess writer(
          Tool({"append", log(), "--records", records, "--segment-bytes", "300000"}));
      Remember(writer.ReadAll());
      ASSERT_EQ(writer.Wait(), 0);
    }
    ChildProcess killed(Tool({"append", log()}));
    while (Ledger(killed.text()).acked.size() < 1000 && killed.ReadSome()) {
    }
    killed.Kill();
    Remember(killed.ReadAll());
    killed.Wait();
    const std::string copy = directory_.path() + "/whole";
    fs::copy(log(), copy, fs::copy_options::recursive);
    ChildProcess reader(Tool({"dump", copy}));
    whole_ = reader.ReadAll();
    ASSERT_EQ(reader.Wait(), 0);
    ASSERT_TRUE(Contents(whole_).complete);
  }

  std::string log() const { return directory_.path() + "/log"; }
  /// The acknowledgements among the lines of a writer.
  void Remember(const std::string& lines) {
    for (const auto& [key, record] : Ledger(lines).acked) acked_.insert(key);
  }
  /// Whether all of the log was read as it was. The kill may have left records at its end that
  /// nobody was told of; without those it is whole, too.
  bool IsWhole(const std::string& read) const {
    if (read == whole_) return true;
    const Contents before(whole_);
    const Contents now(read);
    const auto same = [&](const auto& record) {
      const auto found = before.records.find(record.first);
      return found != before.records.end() && found->second == record.second;
    };
    return now.complete && !now.doubled &&
           std::all_of(now.records.begin(), now.records.end(), same) &&
           std::all_of(acked_.begin(), acked_.end(),
                       [&](const std::string& key) { return now.records.contains(key); });
  }
  static std::string FirstSegment() { return "00000000000000000001.log"; }
  /// Its name.
  std::string LastSegment() const {
    std::string last;
    for (const auto& entry : fs::directory_iterator(log())) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".log")) last = std::max(last, name);
    }
    return last;
  }
  std::string FreshCopy() {
    const std::string copy = directory_.path() + "/copy";
    fs::remove_all(copy);
    fs::copy(log(), copy, fs::copy_options::recursive);
    return copy;
  }

  tests::TemporaryDirectory directory_;
  std::string whole_;
  std::set<std::string> acked_;
};

TEST_F(ADamagedLog, IsRefusedOrReadsAsItWasAndIsNeverShorterOrDifferent) {
  const int trials = FromEnvironment("BITACORA_TEST_DAMAGES", 50);
  std::mt19937_64 random(TestSeed());
  int refused = 0;
  int harmless = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const std::string copy = FreshCopy();
    const Damage damage = DamageSomething(copy, random);
    SCOPED_TRACE("trial " + std::to_string(trial) + ": " + damage.file + ", " + damage.what);
    ChildProcess reader(Tool({"dump", copy}));
    const std::string& read = reader.ReadAll();
    const int ended = reader.Wait();
    if (ended == 0) {
      ++harmless;
      EXPECT_TRUE(IsWhole(read)) << "silently different";
    } else {
      ++refused;
      EXPECT_EQ(ended, kDamagedExit);
      // What was read before the refusal is a part of what was there.
      EXPECT_TRUE(whole_.starts_with(read)) << "different before it was refused";
    }
  }
  std::cout << refused << " refused, " << harmless << " harmless of " << trials << "\n";
  EXPECT_GT(refused, 0);
}

TEST_F(ADamagedLog, WithoutAnyOneOfItsFilesIsRefusedOrAsItWas) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(log())) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), log()).string());
  }
  std::vector<std::string> refused;
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const std::string copy = FreshCopy();
    fs::remove(copy + "/" + file);
    ChildProcess reader(Tool({"dump", copy}));
    const std::string& read = reader.ReadAll();
    const int ended = reader.Wait();
    if (ended == 0) {
      EXPECT_TRUE(read == whole_) << "silently different";
    } else {
      EXPECT_EQ(ended, kDamagedExit);
      refused.push_back(file);
    }
  }
  EXPECT_THAT(refused,
              ::testing::IsSupersetOf({std::string("WITNESS"), FirstSegment(), LastSegment()}));
}

TEST_F(ADamagedLog, ThatWasRefusedStillHasItsFiles) {
  const std::string copy = FreshCopy();
  // In the header of the last segment.
  std::fstream(copy + "/" + LastSegment(), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(40)
      .put('\x55');
  const auto files = [&] {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::directory_iterator(copy)) {
      if (entry.path().filename() != "BALLAST") {
        found.emplace(entry.path().filename().string(), BytesOf(entry.path()));
      }
    }
    return found;
  };
  const auto before = files();
  ChildProcess reader(Tool({"dump", copy}));
  reader.ReadAll();
  EXPECT_EQ(reader.Wait(), kDamagedExit);
  EXPECT_TRUE(files() == before);
}

TEST_F(ADamagedLog, WithATornTailThatNobodyWasToldOfOpens) {
  // A write that never ended: less than a frame announces, and zeros the disk gave the file before.
  for (const std::string& torn :
       {std::string("\0\0\2\0\0\0\0\0Rhalf", 13), std::string(5000, '\0'),
        std::string("\0\0\0\1\0\0\0\0R\0\0\0\0\0\0\0\1\2\3\4\5\6\7\10", 24)}) {
    const std::string copy = FreshCopy();
    const std::string last = copy + "/" + LastSegment();
    // Behind the frames, which end at multiples of 8, in the space the file was given ahead.
    const std::size_t written = (BytesOf(last).find_last_not_of('\0') + 8) / 8 * 8;
    std::fstream(last, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(written))
        .write(torn.data(), static_cast<std::streamsize>(torn.size()));
    ChildProcess reader(Tool({"dump", copy}));
    EXPECT_TRUE(reader.ReadAll() == whole_);
    EXPECT_EQ(reader.Wait(), 0);
  }
}

TEST_F(ADamagedLog, MakesItsIndexesAnew) {
  const std::string copy = FreshCopy();
  std::map<fs::path, std::string> indexes;
  for (const fs::path& path : IndexesIn(copy)) indexes[path] = BytesOf(path);
  ASSERT_GT(indexes.size(), 5U);
  bool cut = false;
  for (const auto& [path, bytes] : indexes) {
    if (std::exchange(cut, !cut)) {
      fs::remove(path);
    } else {
      fs::resize_file(path, bytes.size() / 2);
    }
  }
  ChildProcess reader(Tool({"dump", copy}));
  EXPECT_TRUE(reader.ReadAll() == whole_);
  EXPECT_EQ(reader.Wait(), 0);
  for (const auto& [path, bytes] : indexes) EXPECT_TRUE(BytesOf(path) == bytes) << path;
}

TEST_F(ADamagedLog, IsReadOnlyWithoutItsIndexesToo) {
  const std::string copy = FreshCopy();
  for (const fs::path& path : IndexesIn(copy)) fs::remove(path);
  ChildProcess reader(Tool({"dump", copy, "--read-only"}));
  EXPECT_TRUE(reader.ReadAll() == whole_);
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_THAT(IndexesIn(copy), ::testing::IsEmpty());
}

/// One log through many kills, and what its writers were told.
class AKilledWriter : public ::testing::Test {
 protected:
  /// After each it is read as a whole.
  void Kill(ChildProcess& writer) {
    ++kills_;
    writer.Kill();
    const Ledger ledger(writer.ReadAll());
    ASSERT_EQ(writer.Wait(), -SIGKILL);
    acked_.insert(ledger.acked.begin(), ledger.acked.end());
    sent_.insert(ledger.sent.begin(), ledger.sent.end());

    ChildProcess reader(Tool({"dump", log_}));
    const Contents contents(reader.ReadAll());
    ASSERT_EQ(reader.Wait(), 0);
    ASSERT_TRUE(contents.complete);
    EXPECT_FALSE(contents.doubled);
    for (const auto& [key, record] : acked_) {
      const auto found = contents.records.find(key);
      ASSERT_NE(found, contents.records.end()) << "lost: " << key;
      EXPECT_EQ(found->second, record) << "changed: " << key;
    }
    for (const auto& [key, record] : contents.records) {
      EXPECT_TRUE(sent_.contains(key)) << "never sent: " << key;
    }
  }
  void TearDown() override {
    std::cout << kills_ << " kills, " << acked_.size() << " acknowledged, " << sent_.size()
              << " sent\n";
  }

  tests::TemporaryDirectory directory_;
  const std::string log_ = directory_.path() + "/log";
  int kills_ = 0;
  std::map<std::string, std::string> acked_;
  std::set<std::string> sent_;
};

TEST_F(AKilledWriter, LosesNothingThatWasAcknowledged) {
  std::mt19937_64 random(TestSeed());
  for (int kill = FromEnvironment("BITACORA_TEST_KILLS", 5); kill > 0; --kill) {
    ChildProcess writer(Tool({"append", log_}));
    const std::size_t enough = 300 + Below(random, 1000);
    while (Ledger(writer.text()).acked.size() < enough && writer.ReadSome()) {
    }
    ASSERT_NO_FATAL_FAILURE(Kill(writer));
  }
}

TEST_F(AKilledWriter, ThatBeganASegmentLosesNothingEither) {
  for (int kill = FromEnvironment("BITACORA_TEST_KILLS", 5); kill > 0; --kill) {
    // What it says until then has room in a pipe.
    ChildProcess writer(Tool({"append", log_, "--segment-bytes", "30000"}));
    // Each segment it begins seals the one before, which may be of the process before.
    const std::size_t sealed = IndexesIn(log_).size() + 2;
    while (IndexesIn(log_).size() < sealed) ASSERT_FALSE(writer.HasEnded());
    ASSERT_NO_FATAL_FAILURE(Kill(writer));
  }
}

}  // namespace
}  // namespace bitacora::event_store
