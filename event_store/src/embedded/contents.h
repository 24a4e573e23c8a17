// What a log holds: its topics and where each partition stands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bitacora/base/status.h>

#include "src/embedded/format.h"

namespace bitacora::event_store::embedded {

struct TopicContents {
  TopicRow row;
  std::vector<PartitionHead> heads;  ///< By partition.
};

struct Contents {
  std::string log_id;
  std::vector<TopicContents> topics;  ///< By number, from 1.
  std::uint64_t records = 0;          ///< Of all partitions.

  /// Null where there is no such partition.
  PartitionHead* HeadOf(const PartitionId& at);
};

/// Takes what a frame says over. kCorruption: it does not follow from the frames before it.
Status Apply(const TopicRow& topic, Contents* contents);
Status Apply(const HeadRow& head, Contents* contents);
Status Apply(const RecordRow& record, Contents* contents);

/// "topic number 1, partition 2, offset 3"
std::string NameOf(const PartitionId& at, Offset offset);

}  // namespace bitacora::event_store::embedded
