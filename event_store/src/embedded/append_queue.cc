#include "src/embedded/append_queue.h"

#include <utility>

namespace bitacora::event_store::embedded {

Status AppendQueue::CheckOpen() const {
  if (closed_) return Error(ErrorCode::kUnavailable, "the log is being closed", "log-unavailable");
  return {};
}

Status AppendQueue::Push(PendingAppend&& append) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    BITACORA_RETURN_IF_ERROR(CheckOpen());
    const std::size_t bytes = append.body.size();
    if (work_.appends.size() >= records_max_ || bytes_ + bytes > bytes_max_) {
      return Error(ErrorCode::kResourceExhausted,
                   "too many appends wait for the disk: " + std::to_string(work_.appends.size()) +
                       " records, " + std::to_string(bytes_) + " bytes",
                   "overloaded");
    }
    bytes_ += bytes;
    work_.appends.push_back(std::move(append));
    wake = std::exchange(waiting_, false);
  }
  if (wake) changed_.notify_one();
  return {};
}

Status AppendQueue::Push(PendingTopic&& topic) {
  {
    MutexLock lock(mu_);
    BITACORA_RETURN_IF_ERROR(CheckOpen());
    work_.topics.push_back(std::move(topic));
    waiting_ = false;
  }
  changed_.notify_one();
  return {};
}

PendingWork AppendQueue::Take(Deadline deadline) {
  MutexLock lock(mu_);
  while (work_.empty() && !closed_) {
    waiting_ = true;
    if (!lock.WaitUntil(changed_, deadline)) break;
  }
  waiting_ = false;
  bytes_ = 0;
  return std::exchange(work_, {});
}

void AppendQueue::Close() {
  {
    MutexLock lock(mu_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool AppendQueue::closed() const {
  MutexLock lock(mu_);
  return closed_;
}

}  // namespace bitacora::event_store::embedded
