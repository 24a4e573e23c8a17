#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>

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

std::set<std::uint64_t> EmptyLogs(const std::string& directory) {
  std::set<std::uint64_t> numbers;
  std::error_code failed;  // No directory, no logs.
  for (const auto& file : std::filesystem::directory_iterator(directory, failed)) {
    if (file.path().extension() != ".log" || file.file_size(failed) != 0) continue;
    const std::string name = file.path().stem().string();  // Digits, with zeros before them.
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    numbers.insert(number);
  }
  return numbers;
}

}  // namespace

class PrefixReplay::Filter final : public rocksdb::WalFilter {
 public:
  explicit Filter(const std::string& directory)
      : directory_(directory), empty_logs_(EmptyLogs(directory)) {}

  const char* Name() const override { return "bitacora.PrefixReplay"; }

  void ColumnFamilyLogNumberMap(const std::map<std::uint32_t, std::uint64_t>& first_logs,
                                const std::map<std::string, std::uint32_t>&) override {
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
  /// needed had lost it.
  bool FollowsEmptyLog(std::uint64_t log) const {
    const auto empty = empty_logs_.lower_bound(first_log_.value_or(0));
    return empty != empty_logs_.end() && *empty < log;
  }

  const std::string directory_;
  const std::set<std::uint64_t> empty_logs_;
  std::optional<std::uint64_t> first_log_;  ///< What is before it is in tables.
  std::optional<std::uint64_t> next_;       ///< The number of the batch that follows.
};

PrefixReplay::PrefixReplay(const std::string& directory, rocksdb::DBOptions* options)
    : filter_(std::make_unique<Filter>(directory)) {
  options->wal_filter = filter_.get();
}
PrefixReplay::~PrefixReplay() = default;

}  // namespace bitacora
