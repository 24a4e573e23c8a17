#include "src/kafka/errors.h"

#include <string>

#include <bitacora/base/mutation.h>
#include <bitacora/event_store/log.h>

namespace bitacora::event_store::kafka {
namespace {

Error Make(ErrorCode code, std::string_view doing, rd_kafka_resp_err_t from,
           std::string_view reason = {}) {
  std::string sentence(doing);
  sentence += ": Kafka says ";
  sentence += rd_kafka_err2name(from);
  sentence += " (";
  sentence += rd_kafka_err2str(from);
  sentence += ")";
  return Error(code, std::move(sentence), reason);
}

/// Codes of librdkafka itself, in contrast to those a broker sent.
bool IsLocal(rd_kafka_resp_err_t code) {
  return code > RD_KAFKA_RESP_ERR__BEGIN && code < RD_KAFKA_RESP_ERR__END;
}

/// With these a broker refuses a record before it writes anything. Not here: UNKNOWN (an exception
/// somewhere in the broker, perhaps after the write) and KAFKA_STORAGE_ERROR (a write that failed
/// half-way may be found by the recovery of the broker's log).
bool RefusedBeforeWriting(rd_kafka_resp_err_t code) {
  switch (static_cast<int>(code)) {
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool IsUnknownTopic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

Error FromKafka(rd_kafka_resp_err_t code, std::string_view doing) {
  if (IsUnknownTopic(code)) return Make(ErrorCode::kNotFound, doing, code);
  switch (static_cast<int>(code)) {
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return Make(ErrorCode::kAlreadyExists, doing, code);

    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return Make(ErrorCode::kInvalidArgument, doing, code, "record-too-large");

    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return Make(ErrorCode::kInvalidArgument, doing, code);

    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return Make(ErrorCode::kResourceExhausted, doing, code, "overloaded");

    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return Make(ErrorCode::kPermissionDenied, doing, code);

    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return Make(ErrorCode::kCorruption, doing, code);

    default:
      return Make(ErrorCode::kUnavailable, doing, code, "log-unavailable");
  }
}

Error FromKafkaChange(rd_kafka_resp_err_t code, std::string_view doing) {
  switch (static_cast<int>(code)) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_UNKNOWN:
      return Make(ErrorCode::kTimeout, doing, code);
    default:
      return FromKafka(code, doing);
  }
}

Result<Offset> DeliveryOutcome(rd_kafka_resp_err_t code, rd_kafka_msg_status_t status,
                               std::int64_t offset) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    // A duplicate sequence, or an acknowledgement implied by that of a later batch, has offset -1
    // or -1001 (RD_KAFKA_OFFSET_INVALID).
    return offset >= 0 ? Offset(offset) : Log::kOffsetUnknown;
  }
  const bool absent =
      status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED && (IsLocal(code) || RefusedBeforeWriting(code));
  if (absent) {
    // Damaged on the way to the broker, which threw it away: no damage in the log.
    if (code == RD_KAFKA_RESP_ERR_INVALID_MSG)
      return Make(ErrorCode::kUnavailable, "appending", code, "log-unavailable");
    return FromKafka(code, "appending");
  }
  return Make(Mutated(Promise::kP6) ? ErrorCode::kUnavailable : ErrorCode::kTimeout, "appending",
              code);
}

}  // namespace bitacora::event_store::kafka
