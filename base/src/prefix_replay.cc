#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/log.h>
#include <bitacora/base/prefix_replay.h>

namespace bitacora {
namespace {

/// The number of the first operation of a batch: its first eight bytes, least significant first.
std::uint64_t SequenceOf(const rocksdb::WriteBatch& batch) {
  std::uint64_t sequence = 0;
  for (std::size_t i = 8; i-- > 0;) {
    sequence = sequence << 8U | static_cast<unsigned char>(batch.Data()[i]);
  }
  return sequence;
}

/// Whether RocksDB reads a log as one without records: it is shorter than the header of one (four
/// bytes of checksum, two of length, one of type, which is never 0), or has zeros there, since its
/// size outlived the power cut and its bytes did not.
bool BeginsWithNothing(const std::filesystem::path& log) {
  std::array<char, 7> header{};
  std::ifstream(log, std::ios::binary).read(header.data(), header.size());
  return header[4] == 0 && header[5] == 0 && header[6] == 0;
}

std::set<std::uint64_t> EmptyLogs(const std::string& directory) {
  std::set<std::uint64_t> numbers;
  std::error_code failed;  // No directory, no logs. Nothing here may throw into RocksDB.
  std::filesystem::directory_iterator file(directory, failed);
  for (; !failed && file != std::filesystem::directory_iterator(); file.increment(failed)) {
    if (file->path().extension() != ".log" || !BeginsWithNothing(file->path())) continue;
    const std::string name = file->path().stem().string();  // Digits, with zeros before them.
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    numbers.insert(number);
  }
  return numbers;
}

}  // namespace

class PrefixReplay::Filter final : public rocksdb::WalFilter {
 public:
  explicit Filter(std::string directory) : directory_(std::move(directory)) {}

  const char* Name() const override { return "bitacora.PrefixReplay"; }

  void ColumnFamilyLogNumberMap(const std::map<std::uint32_t, std::uint64_t>& first_logs,
                                const std::map<std::string, std::uint32_t>&) override {
    empty_logs_ = EmptyLogs(directory_);
    for (const auto& [family, first_log] : first_logs) {
      first_log_ = std::min(first_log_.value_or(first_log), first_log);
    }
  }

  WalProcessingOption LogRecordFound(unsigned long long log, const std::string&,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                     bool*) override {
    const std::uint64_t sequence = SequenceOf(batch);
    if (next_ ? sequence != *next_ : FollowsEmptyLog(log)) {
      LogWarning("a power cut took the end of a log; what came behind it is made anew",
                 {{"directory", directory_}});
      return WalProcessingOption::kStopReplay;
    }
    next_ = sequence + batch.Count();
    return WalProcessingOption::kContinueProcessing;
  }

 private:
  /// RocksDB begins a new log only where the last has something, so that an empty one which is
  /// needed had lost it. `log` itself is one where its first block is gone and the second begins
  /// with a record.
  bool FollowsEmptyLog(std::uint64_t log) const {
    const auto empty = empty_logs_.lower_bound(first_log_.value_or(0));
    return empty != empty_logs_.end() && *empty <= log;
  }

  const std::string directory_;
  std::set<std::uint64_t> empty_logs_;
  std::optional<std::uint64_t> first_log_;  ///< What is before it is in tables.
  std::optional<std::uint64_t> next_;       ///< The number of the batch that follows.
};

PrefixReplay::PrefixReplay(const std::string& directory, rocksdb::DBOptions* options)
    : filter_(std::make_unique<Filter>(directory)) {
  options->wal_filter = filter_.get();
}
PrefixReplay::~PrefixReplay() = default;

}  // namespace bitacora
