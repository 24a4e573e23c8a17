// Counters, gauges and histograms for /metrics, in Prometheus' text format. prometheus-cpp keeps
// them; its names do not appear above this folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bitacora {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

/// Owns every metric of the process it describes. Thread-safe. Names are snake_case, begin with
/// `bitacora_` and end in their unit (`_seconds`, `_bytes`, `_total`). A label has few values:
/// never a stream, an id or a path.
///
/// Asking again for the same name and labels gives the same metric, so callers keep a reference.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds` are the upper bounds of the buckets, rising; the one without end is added.
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const Labels& labels = {});

  /// All of them, in text format 0.0.4.
  std::string Expose() const;

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

/// Bounds for durations in seconds, from 100 µs to 10 s.
const std::vector<double>& LatencyBounds();

}  // namespace bitacora
