// The one place where librdkafka's codes become ours.
#pragma once

#include <string_view>

#include <librdkafka/rdkafka.h>

#include <bitacora/base/status.h>
#include <bitacora/domain/ids.h>

namespace bitacora::event_store::kafka {

/// What `code` (not NO_ERROR) means for a call that changes nothing, or that certainly changed
/// nothing. `doing` begins the sentence: "reading orders/3". Time-outs are kUnavailable.
Error FromKafka(rd_kafka_resp_err_t code, std::string_view doing);

/// As FromKafka for a call that may have had its effect although no answer came: where `code`
/// leaves that open, kTimeout.
Error FromKafkaChange(rd_kafka_resp_err_t code, std::string_view doing);

/// What a delivery report says of its record. An error is definite only where librdkafka is sure
/// that the record is in no log **and** the code is one with which a broker refuses before it
/// writes; anything else is kTimeout: unknown.
Result<Offset> DeliveryOutcome(rd_kafka_resp_err_t code, rd_kafka_msg_status_t status,
                               std::int64_t offset);

/// There is no such topic or partition, or Kafka does not say so at the moment.
bool IsUnknownTopic(rd_kafka_resp_err_t code);

}  // namespace bitacora::event_store::kafka
