// The topics of an open log and where each partition stands.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/event_store/log.h>

#include "src/embedded/contents.h"
#include "src/embedded/tail.h"

namespace bitacora::event_store::embedded {

/// One partition of an open log. Lives as long as the log.
struct LogPartition {
  LogPartition(const PartitionId& id, const PartitionHead& found)
      : tail(id, found.end), head(found) {}

  PartitionTail tail;

  // Touched by the writer only.
  PartitionHead head;            ///< Where the next record goes.
  std::shared_ptr<Block> block;  ///< What the group that is being written adds; else null.
};

/// Thread-safe. Topics are only ever added.
class Catalog {
 public:
  /// `record_bytes_max`: what every topic takes.
  explicit Catalog(std::size_t record_bytes_max) : record_bytes_max_(record_bytes_max) {}

  /// A topic that is durable; one that is known already is left alone.
  void Add(const TopicContents& topic) EXCLUDES(mu_);

  bool Has(const TopicName& topic) const EXCLUDES(mu_);
  std::uint32_t topic_count() const EXCLUDES(mu_);
  /// One that was never used.
  TopicNumber NextNumber() const EXCLUDES(mu_);

  /// kNotFound.
  Result<TopicDescription> Describe(const TopicName& topic) const EXCLUDES(mu_);
  std::vector<TopicDescription> DescribeAll() const EXCLUDES(mu_);
  /// kNotFound. The pointer stays valid as long as this.
  Result<LogPartition*> Find(const TopicPartition& at) const EXCLUDES(mu_);
  /// The partitions of a topic that is there.
  std::vector<LogPartition*> PartitionsOf(const TopicName& topic) const EXCLUDES(mu_);

 private:
  struct Topic {
    TopicRow row;
    std::deque<std::unique_ptr<LogPartition>> partitions;
  };
  TopicDescription DescriptionOf(const Topic& topic) const;

  const std::size_t record_bytes_max_;
  mutable Mutex mu_;
  std::map<TopicName, Topic> topics_ GUARDED_BY(mu_);
};

}  // namespace bitacora::event_store::embedded
