// Reads partitions of the embedded log as they grow.
#pragma once

#include <bitacora/base/mutex.h>
#include <bitacora/event_store/log.h>

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "src/embedded/log_db.h"
#include "src/embedded/tail.h"

namespace bitacora::event_store {

class EmbeddedReader final : public LogReader {
 public:
  EmbeddedReader(const LogDb& db, Tail& tail) : db_(db), tail_(tail) {}

  Status Assign(const TopicPartition& at, Offset from, std::uint64_t tag) override;
  void Unassign(const TopicPartition& at) override;
  Status Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) override;
  void Wake() override { tail_.Interrupt(&interrupted_); }

 private:
  struct Assignment {
    TailPartition* partition = nullptr;  ///< nullptr: no such partition.
    Offset next;
    std::uint64_t tag = 0;
    std::optional<Offset> end_told;
  };

  void Collect(std::size_t max, std::vector<ReadEvent>* out) REQUIRES(mu_);
  /// What `assignment` has to say; false where it is over and to be dropped.
  bool CollectFrom(Assignment& assignment, std::size_t max, std::vector<ReadEvent>* out)
      REQUIRES(mu_);

  const LogDb& db_;
  Tail& tail_;
  bool interrupted_ = false;  ///< Guarded by the tail's lock.
  Mutex mu_;
  std::unordered_map<TopicPartition, Assignment> assigned_ GUARDED_BY(mu_);
  std::vector<StoredRecord> records_ GUARDED_BY(mu_);  ///< Reused from Poll to Poll.
};

}  // namespace bitacora::event_store
