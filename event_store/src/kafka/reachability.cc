#include "src/kafka/reachability.h"

#include <utility>

#include <bitacora/base/log.h>

namespace bitacora::event_store::kafka {

Reachability::Reachability(Metrics& metrics)
    : reachable_(
          metrics.GetGauge("bitacora_kafka_reachable", "1 while Kafka's brokers answer, else 0.")) {
  reachable_.Set(0);
}

void Reachability::Answered() {
  if (answers_) return;  // Called for every record.
  {
    MutexLock lock(mu_);
    if (answers_) return;
    asked_ = true;
    ++connections_;
    answers_ = true;
    why_.clear();
  }
  reachable_.Set(1);
  LogInfo("Kafka answers");
}

void Reachability::Lost(std::string why) {
  {
    MutexLock lock(mu_);
    asked_ = true;
    why_ = why;
    if (!answers_) return;
    answers_ = false;
  }
  reachable_.Set(0);
  LogWarning("Kafka does not answer", {{"why", std::move(why)}});
}

Status Reachability::status() const {
  MutexLock lock(mu_);
  if (answers_) return {};
  return Error(ErrorCode::kUnavailable, why_, "log-unavailable");
}

Status Reachability::known() const {
  {
    MutexLock lock(mu_);
    if (!asked_) return {};
  }
  return status();
}

}  // namespace bitacora::event_store::kafka
