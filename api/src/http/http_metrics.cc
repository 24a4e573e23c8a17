#include "src/http/http_metrics.h"

#include <algorithm>
#include <string>

namespace bitacora::api::http {
namespace {

constexpr std::array<std::string_view, 8> kMethodLabels{"GET",  "POST",  "PUT",     "DELETE",
                                                        "HEAD", "PATCH", "OPTIONS", "other"};

}  // namespace

std::size_t MethodLabel(std::string_view method) {
  const auto found = std::find(kMethodLabels.begin(), kMethodLabels.end() - 1, method);
  return static_cast<std::size_t>(found - kMethodLabels.begin());
}

HttpMetrics::HttpMetrics(Metrics& metrics)
    : metrics_(metrics),
      open_(metrics.GetGauge("bitacora_http_connections", "Connections open now.")),
      accepted_(metrics.GetCounter("bitacora_http_connections_total", "Connections accepted.")),
      received_(metrics.GetCounter("bitacora_http_received_bytes_total", "Bytes from clients.")),
      sent_(metrics.GetCounter("bitacora_http_sent_bytes_total", "Bytes to clients.")) {
  for (std::size_t method = 0; method < kMethods; ++method) {
    for (std::size_t status = 0; status < kClasses; ++status) {
      answered_[method][status] = &metrics.GetCounter(
          "bitacora_http_requests_total", "Requests answered, by method and class of status.",
          {{"method", std::string(kMethodLabels[method])},
           {"status", std::to_string(status + 2) + "xx"}});
    }
  }
}

void HttpMetrics::Connected(std::size_t open) {
  accepted_.Add();
  open_.Set(static_cast<double>(open));
}

void HttpMetrics::Answered(std::size_t method_label, int status) {
  const auto status_class = static_cast<std::size_t>(std::clamp(status / 100 - 2, 0, 3));
  answered_[method_label][status_class]->Add();
}

void HttpMetrics::Failed(std::string_view reason) {
  metrics_
      .GetCounter("bitacora_http_errors_total",
                  "Requests refused before a handler saw them, and connections cut, by reason.",
                  {{"reason", std::string(reason)}})
      .Add();
}

}  // namespace bitacora::api::http
