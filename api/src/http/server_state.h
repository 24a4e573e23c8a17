// What all workers of one server share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <utility>

#include <bitacora/api/http_server.h>
#include <bitacora/base/mutex.h>

#include "src/http/http_metrics.h"

namespace bitacora::api::http {

/// Thread-safe.
struct ServerState {
  ServerState(const HttpLimits& limits_, Metrics& metrics_, HttpServer::Handler handler_,
              HttpServer::ErrorPage error_page_)
      : limits(limits_),
        handler(std::move(handler_)),
        error_page(std::move(error_page_)),
        metrics(metrics_) {}

  void Connected() { metrics.Connected(connections.fetch_add(1) + 1); }
  void Disconnected() EXCLUDES(mu) {
    const std::size_t left = connections.fetch_sub(1) - 1;
    metrics.Disconnected(left);
    if (left > 0 || !draining.load()) return;
    MutexLock lock(mu);
    emptied.notify_all();
  }

  // Constant after construction.
  const HttpLimits limits;
  const HttpServer::Handler handler;
  const HttpServer::ErrorPage error_page;

  // Synchronised by themselves.
  HttpMetrics metrics;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> requests_in_flight{0};
  std::atomic<std::size_t> buffered_bytes{0};  // held by connections that hold much
  std::atomic<bool> draining{false};

  // Guards nothing but the wait for the last connection's end.
  Mutex mu;
  std::condition_variable emptied;
};

}  // namespace bitacora::api::http
