// What a drill asks of its process, and what it hears from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>
#include <bitacora/event_store/kafka_log.h>
#include <bitacora/projections/read_model_store.h>

namespace bitacora::consumers {

struct RebuildJob {
  TopicName topic;
  projections::ModelIdentity model;
  /// Up to where each partition is folded. One that is missing is left as it is made.
  std::map<Partition, Offset> ends;
  std::string directory;  ///< Of the drill, made before; what follows is in it.
  std::string log_id;
  std::optional<event_store::KafkaLogOptions> kafka;  ///< Nothing: the checkpoint in log().
  /// The process that asks: this one ends with it.
  std::int64_t parent = 0;

  std::string log() const { return directory + "/log"; }
  std::string replay() const { return directory + "/replay"; }
  std::string documents() const { return directory + "/documents"; }

  std::string Json() const;
  /// kInvalidArgument where `text` was not made by Json.
  static Result<RebuildJob> Parse(std::string_view text);
};

/// One line of the answer.
struct RebuildProgress {
  std::int64_t records = 0;  ///< Read so far.
  std::int64_t total = 0;    ///< To read.
  bool done = false;         ///< The read model is in documents().
  std::string error;         ///< A sentence; empty: none. The end, too.

  std::string Json() const;
  static Result<RebuildProgress> Parse(std::string_view text);
};

}  // namespace bitacora::consumers
