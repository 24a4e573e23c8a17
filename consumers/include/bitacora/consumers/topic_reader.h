// Pages of a whole topic: its partitions merged, filtered, with the position to go on from.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/event.h>
#include <bitacora/domain/position.h>
#include <bitacora/event_store/event_store.h>

namespace bitacora::consumers {

struct TopicQuery {
  TopicName topic;
  Position from;  ///< A missing partition means its start.
  /// Exact; empty: any. Both must match.
  std::vector<std::string> types;
  std::vector<std::string> streams;
  int limit = 100;                   ///< Events, 1 to 1000.
  std::size_t bytes_max = 4u << 20;  ///< Of data; at least one event comes all the same.
  /// Events looked at before a page ends though few match: a filter never holds a thread for long.
  int scan_max = 20'000;
};

struct TopicPage {
  std::vector<RecordedEvent> events;  ///< In order within each partition, merged by record time.
  Position next;        ///< Names every partition; has moved on over what did not match.
  bool at_end = false;  ///< There was nothing behind `next` in any partition.
};

/// Gives work to a thread that has nothing else to do, or to none. Nobody waits for it to begin: it
/// may run late, when there is nothing left to do in it, or never.
using Offer = std::function<void(std::function<void()>)>;

/// *Blocks.* Of a long page a part is offered to another thread. kNotFound "topic-unknown";
/// kInvalidArgument "position-from-another-log"; kCorruption "position-gone", `from` is below what
/// is kept; kUnavailable "position-ahead", it is beyond the end of what this node has applied,
/// which may catch up.
Result<TopicPage> ReadTopic(event_store::EventStore& store, const TopicQuery& query,
                            const Offer& offer = nullptr);

}  // namespace bitacora::consumers
