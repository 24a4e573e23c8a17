#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <bitacora/base/metrics.h>
#include <bitacora/base/mutex.h>

namespace bitacora {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

struct Metrics::Registry {
  using Id = std::pair<std::string, Labels>;

  // prometheus-cpp's Family::Add makes a second metric with the same labels a second line; the
  // wrappers are kept so that there is one of each.
  template <typename Wrapper, typename Interface, typename Make>
  Interface& Get(std::map<Id, std::unique_ptr<Interface>>& known, const std::string& name,
                 const Labels& labels, Make make) {
    MutexLock lock(mu);
    std::unique_ptr<Interface>& metric = known[{name, labels}];
    if (metric == nullptr) metric = std::make_unique<Wrapper>(make());
    return *metric;
  }

  Mutex mu;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::map<Id, std::unique_ptr<Counter>> counters;
  std::map<Id, std::unique_ptr<Gauge>> gauges;
  std::map<Id, std::unique_ptr<Histogram>> histograms;
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::GetCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return registry_->Get<PrometheusCounter>(registry_->counters, name, labels,
                                           [&]() -> prometheus::Counter& {
                                             return prometheus::BuildCounter()
                                                 .Name(name)
                                                 .Help(help)
                                                 .Register(registry_->registry)
                                                 .Add(labels);
                                           });
}

Gauge& Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return registry_->Get<
      PrometheusGauge>(registry_->gauges, name, labels, [&]() -> prometheus::Gauge& {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_->registry).Add(labels);
  });
}

Histogram& Metrics::GetHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& bounds, const Labels& labels) {
  return registry_->Get<PrometheusHistogram>(registry_->histograms, name, labels,
                                             [&]() -> prometheus::Histogram& {
                                               return prometheus::BuildHistogram()
                                                   .Name(name)
                                                   .Help(help)
                                                   .Register(registry_->registry)
                                                   .Add(labels, bounds);
                                             });
}

std::string Metrics::Expose() const {
  return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

const std::vector<double>& LatencyBounds() {
  static const std::vector<double> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                          0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                          1,      2.5,     5,      10};
  return bounds;
}

}  // namespace bitacora
