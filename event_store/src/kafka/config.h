// What each of our Kafka clients is configured with, and which properties nobody may change.
#pragma once

#include <bitacora/base/status.h>
#include <bitacora/event_store/kafka_log.h>

#include "src/kafka/handles.h"

namespace bitacora::event_store::kafka {

enum class Role {
  kProducer,  ///< Appends.
  kReader,    ///< Follows partitions for as long as it lives.
  kFetcher,   ///< Reads a page of a partition and stops.
  kAdmin,     ///< Asks for metadata and offsets, makes topics; consumes nothing.
};

/// Records of one request together stay below this; see the reason in config.cc. A topic that takes
/// less than twice as much is not for us.
inline constexpr std::size_t kBatchBytes = 256u << 10;
/// How long a request may go unanswered before its connection counts as dead.
inline constexpr std::chrono::milliseconds kRequestTimeout{10'000};

/// The configuration of a client in `role`: the user's properties first, ours over them.
/// kInvalidArgument: a property librdkafka does not know or a value it does not take, one that is
/// ours to set, or no brokers. Values never appear in the message: they may be secrets.
Result<ConfHandle> MakeConf(const KafkaLogOptions& options, Role role);

/// Makes the client `conf` describes. Does not wait for a connection.
Result<ClientHandle> MakeClient(ConfHandle conf, Role role);

}  // namespace bitacora::event_store::kafka
