#include "src/query_pool.h"

#include <cstdint>
#include <utility>

#include <bitacora/base/mutation.h>
#include <bitacora/base/thread.h>

namespace bitacora::api {

QueryPool::QueryPool(std::size_t threads, std::size_t waiting_max)
    : size_(threads), queue_(Mutated(Promise::kP14) ? SIZE_MAX : waiting_max) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.push_back(StartThread("query-" + std::to_string(i), [this](const std::stop_token&) {
      while (auto work = queue_.Pop()) {
        ++busy_;
        (*work)();
        --busy_;
      }
    }));
  }
}

void QueryPool::Stop() {
  stopped_ = true;
  queue_.Close();
  threads_.clear();
}

void QueryPool::Run(const CallPtr& call, std::function<void()> work) {
  if (!queue_.TryPush([call, work = std::move(work)] { Guarded(call, work); })) Refuse(*call);
}

void QueryPool::Resume(const CallPtr& call, std::function<void()> work) {
  if (!queue_.PushAgain([call, work = std::move(work)] { Guarded(call, work); })) Refuse(*call);
}

void QueryPool::Refuse(Call& call) const {
  if (stopped_) {
    call.Refuse(Error(ErrorCode::kUnavailable, "the server is shutting down", "draining"));
  } else {
    call.Refuse(Error(ErrorCode::kResourceExhausted,
                      "too many reads are waiting; ask again in a moment", "overloaded"));
  }
}

void QueryPool::Offer(std::function<void()> work) {
  if (busy_ + queue_.size() < size_) queue_.TryPush(std::move(work));
}

}  // namespace bitacora::api
