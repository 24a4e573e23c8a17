// What /metrics says about the HTTP layer.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <bitacora/base/metrics.h>

namespace bitacora::api::http {

/// The method label of a request: its place in a short list of names, the last of which is "other".
std::size_t MethodLabel(std::string_view method);

/// Thread-safe.
class HttpMetrics {
 public:
  explicit HttpMetrics(Metrics& metrics);

  void Connected(std::size_t open);
  void Disconnected(std::size_t open) { open_.Set(static_cast<double>(open)); }
  void Received(std::size_t bytes) { received_.Add(static_cast<double>(bytes)); }
  void Sent(std::size_t bytes) { sent_.Add(static_cast<double>(bytes)); }
  void Answered(std::size_t method_label, int status);
  /// `reason` is one of a few constant names.
  void Failed(std::string_view reason);

 private:
  static constexpr std::size_t kMethods = 8;
  static constexpr std::size_t kClasses = 4;

  Metrics& metrics_;
  Gauge& open_;
  Counter& accepted_;
  Counter& received_;
  Counter& sent_;
  std::array<std::array<Counter*, kClasses>, kMethods> answered_;  // [method][status / 100 - 2]
};

}  // namespace bitacora::api::http
