// The embedded log's LogReader.
#pragma once

#include <condition_variable>
#include <map>
#include <optional>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/event_store/log.h>

#include "src/embedded/catalog.h"
#include "src/embedded/records.h"
#include "src/embedded/tail.h"

namespace bitacora::event_store::embedded {

class EmbeddedReader final : public LogReader, private TailListener {
 public:
  EmbeddedReader(const Catalog& catalog, Tail& tail, const Records& records);
  ~EmbeddedReader() override;

  Status Assign(const TopicPartition& at, Offset from, std::uint64_t tag) override EXCLUDES(mu_);
  void Unassign(const TopicPartition& at) override EXCLUDES(mu_);
  Status Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) override
      EXCLUDES(mu_);
  void Wake() override EXCLUDES(mu_);

 private:
  struct Assignment {
    const PartitionTail* partition = nullptr;  ///< Null: there is none; told once.
    Offset next;
    std::uint64_t tag = 0;
    std::optional<Offset> told_end;
    std::uint64_t epoch = 0;  ///< Tells this assignment from earlier ones of the same partition.
  };

  struct Turn {
    TopicPartition at;
    Assignment assignment;  ///< A copy, moved on.
    std::vector<ReadEvent> events;
    bool goes_on = true;  ///< False: it has ended in an error event.
  };

  void OnPublished() override EXCLUDES(mu_);

  /// Adds what is there, at most `max` events. Reads the disk without the lock.
  Status Collect(std::size_t max, std::vector<ReadEvent>* out) EXCLUDES(mu_);
  /// Moves the assignments on and appends their events, but for those that were changed meanwhile.
  void HandOut(std::vector<Turn>& taken, std::vector<ReadEvent>* out) EXCLUDES(mu_);
  /// One partition's part; false where the assignment has ended in an error event.
  Result<bool> CollectFrom(Assignment& assignment, std::size_t max, std::vector<ReadEvent>* out);

  const Catalog& catalog_;
  Tail& tail_;
  const Records& records_;

  Mutex mu_;
  std::condition_variable changed_;
  std::map<TopicPartition, Assignment> assigned_ GUARDED_BY(mu_);
  std::uint64_t epochs_ GUARDED_BY(mu_) = 0;
  bool news_ GUARDED_BY(mu_) = true;
  bool woken_ GUARDED_BY(mu_) = false;

  // Of the polling thread.
  std::size_t turn_ = 0;  ///< Which partition comes first, so that none starves another.
  std::vector<StoredRecord> read_;
};

}  // namespace bitacora::event_store::embedded
