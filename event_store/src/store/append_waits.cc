#include "src/store/append_waits.h"

#include <utility>

namespace bitacora::event_store {
namespace {

Error Undecided() {
  return {
      ErrorCode::kTimeout,
      "the append was handed to the log and its verdict is not known yet; repeat it with the same "
      "id, which is always safe, or ask for its verdict",
      "append-undecided"};
}

Error KeyReused() {
  return {ErrorCode::kAlreadyExists,
          "this id was used for an append with other events or another condition",
          "idempotency-key-reused"};
}

}  // namespace

AppendOutcome OutcomeOf(const Remembered& remembered, std::string_view append_id,
                        Partition partition, std::uint32_t log_tag, bool replayed) {
  AppendOutcome outcome;
  outcome.admitted = remembered.admitted;
  outcome.replayed = replayed;
  outcome.id = AppendId(std::string(append_id));
  outcome.first_version = remembered.first_version;
  outcome.count = remembered.count;
  outcome.head = remembered.head;
  outcome.partition = partition;
  outcome.offset = remembered.offset;
  outcome.position.log_tag = log_tag;
  outcome.position.next[partition] = {remembered.offset.Next(), 0};
  return outcome;
}

std::string AppendWaits::KeyOf(std::string_view stream, std::string_view append_id) {
  std::string key;
  key.reserve(stream.size() + 1 + append_id.size());
  key.append(stream).push_back('\0');  // No stream's name has a NUL.
  key.append(append_id);
  return key;
}

void AppendWaits::Close() {
  decltype(waiters_) left;
  {
    MutexLock lock(mu_);
    left.swap(waiters_);
    waiting_ = 0;
  }
  for (auto& [key, waiters] : left) {
    for (Waiter& waiter : waiters) {
      timer_.Cancel(waiter.ticket);
      waiter.callback(Undecided());
    }
  }
}

AppendWaits::Joined AppendWaits::Add(std::string_view stream, std::string_view append_id,
                                     const Fingerprint& fingerprint, Deadline deadline,
                                     EventStore::AppendCallback callback) {
  std::string key = KeyOf(stream, append_id);
  MutexLock lock(mu_);
  std::vector<Waiter>& waiters = waiters_[key];
  Joined joined = Joined::kFirst;
  for (const Waiter& waiter : waiters) {
    if (waiter.fingerprint == fingerprint) joined = Joined::kFollower;
  }
  const std::uint64_t serial = ++last_serial_;
  const auto ticket =
      timer_.Schedule(deadline, [waits = weak_from_this(), key = std::move(key), serial] {
        if (const auto alive = waits.lock()) alive->Expire(key, serial);
      });
  waiters.push_back({fingerprint, std::move(callback), serial, ticket});
  ++waiting_;
  return joined;
}

std::vector<AppendWaits::Waiter> AppendWaits::Take(const std::string& key,
                                                   const Fingerprint& fingerprint) {
  std::vector<Waiter> taken;
  MutexLock lock(mu_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end()) return taken;
  std::vector<Waiter> others;
  for (Waiter& waiter : found->second) {
    (waiter.fingerprint == fingerprint ? taken : others).push_back(std::move(waiter));
  }
  waiting_ -= taken.size();
  if (others.empty()) {
    waiters_.erase(found);
  } else {
    found->second = std::move(others);
  }
  return taken;
}

void AppendWaits::Resolve(const FoldStep& step, Partition partition, std::uint32_t log_tag) {
  std::vector<Waiter> taken =
      Take(KeyOf(step.attempt.stream, step.attempt.append_id), step.attempt.fingerprint);
  // The first of several equal ones made the record; the others repeat it.
  bool replayed = step.verdict == Verdict::kDuplicate;
  for (Waiter& waiter : taken) {
    timer_.Cancel(waiter.ticket);
    if (step.verdict == Verdict::kKeyReused) {
      waiter.callback(KeyReused());
    } else {
      waiter.callback(
          OutcomeOf(step.remembered, step.attempt.append_id, partition, log_tag, replayed));
    }
    replayed = true;
  }
}

void AppendWaits::Fail(std::string_view stream, std::string_view append_id,
                       const Fingerprint& fingerprint, const Error& error) {
  for (Waiter& waiter : Take(KeyOf(stream, append_id), fingerprint)) {
    timer_.Cancel(waiter.ticket);
    waiter.callback(error);
  }
}

void AppendWaits::Expire(const std::string& key, std::uint64_t serial) {
  EventStore::AppendCallback callback;
  {
    MutexLock lock(mu_);
    const auto found = waiters_.find(key);
    if (found == waiters_.end()) return;
    for (auto waiter = found->second.begin(); waiter != found->second.end(); ++waiter) {
      if (waiter->serial != serial) continue;
      callback = std::move(waiter->callback);
      found->second.erase(waiter);
      --waiting_;
      break;
    }
    if (found->second.empty()) waiters_.erase(found);
  }
  if (callback) callback(Undecided());
}

}  // namespace bitacora::event_store
