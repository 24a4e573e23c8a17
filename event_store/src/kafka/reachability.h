// Whether Kafka answers, as all our clients together see it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>

namespace bitacora::event_store::kafka {

/// Thread-safe; no call blocks. Logs and counts each change once.
class Reachability {
 public:
  explicit Reachability(Metrics& metrics);

  /// A broker answered.
  void Answered() EXCLUDES(mu_);
  /// Nobody answers; `why` for people.
  void Lost(std::string why) EXCLUDES(mu_);

  /// kUnavailable with the reason, also before the first answer.
  Status status() const EXCLUDES(mu_);
  bool answers() const { return answers_; }
  /// As status, but a Kafka nobody has asked yet is not called away.
  Status known() const EXCLUDES(mu_);
  /// How often it has begun to answer.
  std::uint64_t connections() const { return connections_; }

 private:
  Gauge& reachable_;
  std::atomic<bool> answers_{false};  // Written under mu_, so that it fits why_.
  std::atomic<std::uint64_t> connections_{0};

  mutable Mutex mu_;
  bool asked_ GUARDED_BY(mu_) = false;  ///< And an answer came, or none.
  std::string why_ GUARDED_BY(mu_) = "Kafka has not answered yet";
};

}  // namespace bitacora::event_store::kafka
