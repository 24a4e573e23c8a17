#include <bitacora/event_store/kafka_log.h>
namespace bitacora::event_store {
Result<std::unique_ptr<Log>> OpenKafkaLog(const KafkaLogOptions&, Metrics&) {
  return Error(ErrorCode::kInvalidArgument, "this build has no Kafka");
}
}  // namespace bitacora::event_store
