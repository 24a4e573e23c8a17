#include "src/embedded/reader.h"

#include <algorithm>
#include <utility>

namespace bitacora::event_store::embedded {
namespace {

/// Of one partition at a time, so that a Poll holds no more than it must.
constexpr std::size_t kBytesPerPartition = 1u << 20;

/// Between two answers that the log is away.
constexpr milliseconds kPauseWhileAway{20};

ReadEvent ErrorEvent(std::uint64_t tag, Error error) {
  ReadEvent event;
  event.kind = ReadEvent::Kind::kError;
  event.tag = tag;
  event.error = std::move(error);
  return event;
}

}  // namespace

EmbeddedReader::EmbeddedReader(const Catalog& catalog, Tail& tail, const Records& records)
    : catalog_(catalog), tail_(tail), records_(records) {
  tail_.AddListener(this);
}

EmbeddedReader::~EmbeddedReader() { tail_.RemoveListener(this); }

Status EmbeddedReader::Assign(const TopicPartition& at, Offset from, std::uint64_t tag) {
  const auto found = catalog_.Find(at);
  {
    MutexLock lock(mu_);
    Assignment& assignment = assigned_[at];
    assignment = {found.ok() ? &(*found)->tail : nullptr, from, tag, std::nullopt, ++epochs_};
    news_ = true;
  }
  changed_.notify_all();
  return {};
}

void EmbeddedReader::Unassign(const TopicPartition& at) {
  MutexLock lock(mu_);
  assigned_.erase(at);
}

void EmbeddedReader::Wake() {
  {
    MutexLock lock(mu_);
    woken_ = true;
  }
  changed_.notify_all();
}

void EmbeddedReader::OnPublished() {
  {
    MutexLock lock(mu_);
    if (std::exchange(news_, true)) return;  // It knows.
  }
  changed_.notify_all();
}

Status EmbeddedReader::Poll(std::size_t max, Deadline deadline, std::vector<ReadEvent>* out) {
  const std::size_t before = out->size();
  while (true) {
    bool woken = false;
    {
      MutexLock lock(mu_);
      while (!news_ && !woken_) {
        if (!lock.WaitUntil(changed_, deadline)) return {};
      }
      woken = std::exchange(woken_, false);
      news_ = false;
    }
    const Status collected = Collect(max, out);
    MutexLock lock(mu_);
    if (out->size() > before) {
      news_ = true;  // There may be more than was asked for: the next Poll looks without waiting.
      return {};
    }
    if (woken) return collected;
    if (!collected.ok()) {
      news_ = true;
      const Deadline soon = std::min(deadline, SystemClock().Now() + kPauseWhileAway);
      while (!woken_ && lock.WaitUntil(changed_, soon)) {
      }
      return collected;
    }
  }
}

Status EmbeddedReader::Collect(std::size_t max, std::vector<ReadEvent>* out) {
  std::vector<Turn> turns;
  {
    MutexLock lock(mu_);
    for (const auto& [at, assignment] : assigned_) {
      const bool quiet = assignment.partition != nullptr &&
                         assignment.told_end == assignment.partition->end() &&
                         assignment.next == *assignment.told_end;
      if (!quiet) turns.push_back({at, assignment, {}, true});
    }
  }
  if (turns.empty()) return {};
  std::rotate(turns.begin(), turns.begin() + static_cast<std::ptrdiff_t>(turn_++ % turns.size()),
              turns.end());

  Status trouble;
  std::vector<Turn> taken;
  std::size_t left = max;
  for (auto turn = turns.begin(); turn != turns.end() && left > 0 && trouble.ok(); ++turn) {
    const auto goes_on = CollectFrom(turn->assignment, left, &turn->events);
    trouble = goes_on.status();
    turn->goes_on = goes_on.value_or(true);
    left -= turn->events.size();
    taken.push_back(std::move(*turn));
  }
  HandOut(taken, out);
  return trouble;
}

void EmbeddedReader::HandOut(std::vector<Turn>& taken, std::vector<ReadEvent>* out) {
  // At once for all, so that nothing of before is returned when an Assign has.
  MutexLock lock(mu_);
  for (Turn& turn : taken) {
    const auto current = assigned_.find(turn.at);
    if (current == assigned_.end() || current->second.epoch != turn.assignment.epoch) continue;
    if (turn.goes_on) {
      current->second = turn.assignment;
    } else {
      assigned_.erase(current);
    }
    std::move(turn.events.begin(), turn.events.end(), std::back_inserter(*out));
  }
}

Result<bool> EmbeddedReader::CollectFrom(Assignment& assignment, std::size_t max,
                                         std::vector<ReadEvent>* out) {
  if (assignment.partition == nullptr) {
    out->push_back(
        ErrorEvent(assignment.tag, Error(ErrorCode::kNotFound, "there is no such partition")));
    return false;
  }
  const PartitionTail& partition = *assignment.partition;
  if (const Status start = Records::CheckStart(partition, assignment.next); !start.ok()) {
    out->push_back(ErrorEvent(assignment.tag, start.error()));
    return false;
  }
  read_.clear();
  const Status read = records_.Read(partition, assignment.next, {max, kBytesPerPartition}, &read_);
  for (StoredRecord& record : read_) {
    assignment.next = record.offset.Next();
    ReadEvent event;
    event.tag = assignment.tag;
    event.record = std::move(record);
    out->push_back(std::move(event));
  }
  if (!read.ok() && read.error().code() != ErrorCode::kCorruption) {
    if (read_.empty()) return read.error();
    return true;
  }
  if (!read.ok()) {
    if (read_.size() >= max) return true;  // Met again by the next Poll.
    out->push_back(ErrorEvent(assignment.tag, read.error()));
    return false;
  }
  const Offset end = partition.end();
  if (assignment.next == end && assignment.told_end != end && read_.size() < max) {
    assignment.told_end = end;
    ReadEvent event;
    event.kind = ReadEvent::Kind::kEnd;
    event.tag = assignment.tag;
    event.end = end;
    out->push_back(std::move(event));
  }
  return true;
}

}  // namespace bitacora::event_store::embedded
