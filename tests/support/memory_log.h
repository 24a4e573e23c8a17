// A log in memory, for tests of what stands on a log. What it can be told to do wrong: lose the
// answer to an append, refuse it, hold back what readers see, forget its head, go back.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <bitacora/event_store/log.h>

namespace bitacora::tests {

/// Thread-safe. Acknowledges on the appending thread.
class MemoryLog final : public event_store::Log {
 public:
  enum class Fault {
    kNone,
    kRefuse,      ///< The record is not written; the callback says kUnavailable.
    kLoseAnswer,  ///< The record is written; the callback says kTimeout.
    kLoseRecord,  ///< The record is not written; the callback says kTimeout.
    kLoseOffset,  ///< The record is written; the callback has no offset.
    kNoTopic,     ///< The record is not written; the callback says kNotFound.
  };

  MemoryLog();
  ~MemoryLog() override;

  /// What happens to appends from now on; to all, or to those of one partition.
  void SetFault(Fault fault, std::optional<Partition> only = {});
  /// While held, readers see nothing new.
  void HoldReaders(bool hold);
  /// Appends without a callback, as a foreign producer does.
  Offset Write(const TopicPartition& at, Record record);
  /// An offset without a record, as the end of a transaction leaves one in Kafka.
  void WriteHole(const TopicPartition& at);
  /// Drops records below `offset`, as retention does.
  void DropBefore(const TopicPartition& at, Offset offset);
  /// Drops records from `offset` on, as an unclean election does.
  void CutFrom(const TopicPartition& at, Offset offset);
  /// The same, right after its end was next asked for.
  void CutFromAfterLatest(const TopicPartition& at, Offset offset);
  void SetUnsafe(const TopicName& topic, std::string setting);
  void SetSafe(const TopicName& topic);
  /// A topic as somebody else makes one: without genesis.
  void AddTopic(const TopicName& topic, std::int32_t partitions);
  void RemoveTopic(const TopicName& topic);
  void SetReachable(bool reachable);
  /// The next so many calls of Describe find nothing, as at brokers that hear of a topic late.
  void HearLate(int describes);

  std::string id() const override { return "memory"; }
  Result<std::vector<event_store::TopicDescription>> Topics() override;
  Result<event_store::TopicDescription> Describe(const TopicName& topic) override;
  Status CreateTopic(const TopicName& topic, std::int32_t partitions) override;
  void Append(const TopicPartition& at, Record record, AppendCallback callback) override;
  Result<std::unique_ptr<event_store::LogReader>> NewReader() override;
  Result<Fetched> Fetch(const TopicPartition& at, Offset from, const FetchLimits& limits) override;
  Result<Offset> Earliest(const TopicPartition& at) override;
  Result<Offset> Latest(const TopicPartition& at) override;
  Result<Offset> OffsetForTime(const TopicPartition& at, std::int64_t wall_ms) override;
  Status Writable() const override;
  std::uint64_t Connections() const override;
  Status Checkpoint(const std::string&) override { return {}; }

 private:
  friend class MemoryLogReader;
  struct Sequence {
    Offset first;
    std::deque<std::optional<StoredRecord>> records;  ///< Of offset first + i; nothing: a hole.
    Offset end() const { return Offset(first.value + static_cast<std::int64_t>(records.size())); }
  };

  Sequence* FindLocked(const TopicPartition& at);
  void CutFromLocked(const TopicPartition& at, Offset offset);
  Offset WriteLocked(Sequence& partition, Record record);

  mutable std::mutex mu_;
  std::condition_variable changed_;
  std::map<TopicName, event_store::TopicDescription> topics_;
  std::map<TopicPartition, Sequence> partitions_;
  Fault fault_ = Fault::kNone;
  std::optional<Partition> fault_only_;
  std::map<TopicPartition, Offset> cut_after_latest_;
  bool held_ = false;
  bool reachable_ = true;
  int late_ = 0;
  std::uint64_t connections_ = 1;
  std::int64_t clock_ms_ = 1'700'000'000'000;  ///< Grows by one with each record.
};

}  // namespace bitacora::tests
