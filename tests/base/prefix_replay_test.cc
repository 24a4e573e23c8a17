#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/prefix_replay.h>

#include "support/faults/held_flush.h"
#include "support/temporary_directory.h"

namespace bitacora::tests {
namespace {

using rocksdb::ColumnFamilyHandle;

rocksdb::Options SmallOptions() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.write_buffer_size = 64u << 10;
  options.max_write_buffer_number = 4;
  return options;
}

/// A database of rows 1 to n in one family, and in another how many there are, in the same batch.
class Counted {
 public:
  Counted(const std::string& directory, rocksdb::Options options) {
    const rocksdb::ColumnFamilyOptions family(options);
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(
        options, directory, {{rocksdb::kDefaultColumnFamilyName, family}, {"count", family}},
        &families_, &opened);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(opened);
  }
  ~Counted() {
    for (auto* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  void Write(int row) {
    rocksdb::WriteBatch batch;
    batch.Put(families_[0], std::to_string(row), std::string(1000, 'v'));
    batch.Put(families_[1], "count", std::to_string(row));
    EXPECT_TRUE(db_->Write({}, &batch).ok());
  }
  /// How many there are, which are 1 to that number; -1: not so.
  int Rows() const {
    std::string count = "0";
    db_->Get({}, families_[1], "count", &count);
    int rows = 0;
    const std::unique_ptr<rocksdb::Iterator> all(db_->NewIterator({}, families_[0]));
    for (all->SeekToFirst(); all->Valid(); all->Next()) ++rows;
    return std::to_string(rows) == count ? rows : -1;
  }

 private:
  std::vector<ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
};

class Replay : public testing::Test {
 protected:
  /// Writes until there are three logs; remembers where in the first one each batch ends.
  void WriteThreeLogs() {
    const auto disk = std::make_shared<HeldFlush>();
    const auto env = rocksdb::NewCompositeEnv(disk);
    rocksdb::Options options = SmallOptions();
    options.env = env.get();
    Counted database(Path("live"), options);
    disk->Hold();
    const auto first = [&] { return *LogsIn(Path("live")).begin(); };
    while (last_ == 0 || LogsIn(Path("live")).size() < 3) {
      database.Write(++last_);
      ends_[std::filesystem::file_size(first())] = last_;
    }
    // The batch that began the second log left the first as it was.
    if (ends_.size() > 1) --ends_.rbegin()->second;
    std::filesystem::copy(Path("live"), Path("killed"));
    disk->Release();
  }

  /// What is there when the first log lost all behind `kept`.
  int RowsAfter(std::uintmax_t kept) {
    CopyWithShortLog(Path("killed"), Path("cut"), kept);
    return Rows();
  }
  /// What is there when the first log has zeros in place of its first `bytes`.
  int RowsAfterZeros(std::uintmax_t bytes) {
    CopyWithShortLog(Path("killed"), Path("cut"), ends_.rbegin()->first);
    std::fstream log(*LogsIn(Path("cut")).begin(), std::ios::in | std::ios::out | std::ios::binary);
    log << std::string(bytes, '\0');
    log.close();
    return Rows();
  }
  int Rows() {
    rocksdb::Options options = SmallOptions();
    const PrefixReplay replay(Path("cut"), &options);
    return Counted(Path("cut"), options).Rows();
  }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  TemporaryDirectory directory_;
  int last_ = 0;
  std::map<std::uintmax_t, int> ends_;  ///< Bytes of the first log, and the last row within.
};

TEST_F(Replay, OfAllLogsLosesNothing) {
  WriteThreeLogs();
  EXPECT_EQ(RowsAfter(ends_.rbegin()->first), last_);
}

TEST_F(Replay, EndsWhereTheFirstLogEndsBetweenTwoBatches) {
  WriteThreeLogs();
  ASSERT_GT(ends_.size(), 20U);
  for (const auto& [bytes, row] : ends_) {
    if (bytes == ends_.rbegin()->first) break;  // All of it, so that nothing is missing.
    EXPECT_EQ(RowsAfter(bytes), row) << bytes;
  }
}

TEST_F(Replay, EndsWhereTheFirstLogEndsWithinABatch) {
  WriteThreeLogs();
  auto end = std::next(ends_.begin(), 5);
  EXPECT_EQ(RowsAfter(end->first + 100), end->second);
}

TEST_F(Replay, HasNothingWhereTheFirstLogHasNothing) {
  WriteThreeLogs();
  EXPECT_EQ(RowsAfter(0), 0);
}

TEST_F(Replay, HasNothingWhereTheFirstLogBeginsWithZeros) {
  WriteThreeLogs();
  EXPECT_EQ(RowsAfterZeros(ends_.rbegin()->first), 0);
  EXPECT_EQ(RowsAfterZeros(32 * 1024), 0);
  EXPECT_EQ(RowsAfterZeros(7), 0);
}

TEST_F(Replay, GoesOnBehindACutThatWasMended) {
  WriteThreeLogs();
  ASSERT_GT(RowsAfter(std::next(ends_.begin(), 5)->first + 100), 0);
  for (int start = 0; start < 3; ++start) {
    rocksdb::Options options = SmallOptions();
    const PrefixReplay replay(Path("cut"), &options);
    Counted database(Path("cut"), options);
    const int rows = database.Rows();
    ASSERT_GT(rows, start);
    database.Write(rows + 1);
  }
  rocksdb::Options options = SmallOptions();
  const PrefixReplay replay(Path("cut"), &options);
  EXPECT_EQ(Counted(Path("cut"), options).Rows(), std::next(ends_.begin(), 5)->second + 3);
}

}  // namespace
}  // namespace bitacora::tests
