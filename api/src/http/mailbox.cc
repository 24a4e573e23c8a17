#include "src/http/mailbox.h"

#include <stdexcept>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace bitacora::api::http {

Mailbox::Mailbox() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error("no descriptor for a mailbox");
}

Mailbox::~Mailbox() {
  Close();
  close(fd_);
}

void Mailbox::Post(Completion completion) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    letters_.completions.push_back(std::move(completion));
    wake = !std::exchange(awake_, true);
  }
  if (wake) Wake();
}

void Mailbox::Post(const Accepted& accepted) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (closed_) {
      close(accepted.fd);
      return;
    }
    letters_.accepted.push_back(accepted);
    wake = !std::exchange(awake_, true);
  }
  if (wake) Wake();
}

// The counter overflows after 2^64 wake-ups; until then the write cannot fail.
void Mailbox::Wake() { static_cast<void>(eventfd_write(fd_, 1)); }

void Mailbox::StayAwake() {
  MutexLock lock(mu_);
  awake_ = true;
}

bool Mailbox::TakeOrSleep(Letters* letters) {
  MutexLock lock(mu_);
  if (letters_.completions.empty() && letters_.accepted.empty()) {
    awake_ = false;
    return false;
  }
  std::swap(*letters, letters_);
  return true;
}

void Mailbox::Close() {
  Letters dropped;
  {
    MutexLock lock(mu_);
    closed_ = true;
    std::swap(dropped, letters_);
  }
  for (const Accepted& accepted : dropped.accepted) close(accepted.fd);
}

}  // namespace bitacora::api::http
