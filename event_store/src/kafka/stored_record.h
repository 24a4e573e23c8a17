// A message of librdkafka's as a record of ours.
#pragma once

#include <librdkafka/rdkafka.h>

#include <bitacora/domain/record.h>

namespace bitacora::event_store::kafka {

/// A record with bytes of its own: key, value and headers copied into one block.
///
/// Not zero-copy, on purpose. A librdkafka message keeps the whole Fetch response it came with (up
/// to fetch.max.bytes) and its client alive, so that one record of 300 bytes in a cache could hold
/// 8 MiB, and no client could be closed while any record lived.
StoredRecord CopyRecord(const rd_kafka_message_t& message);

}  // namespace bitacora::event_store::kafka
