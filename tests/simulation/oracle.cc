#include "simulation/oracle.h"

namespace bitacora::simulation {

std::string PrintOf(const Intent& intent) {
  return FormatExpected(intent.expected) + "|" + std::to_string(intent.count) + "|" + intent.body;
}

void Oracle::Land(Offset offset, const Intent& intent) {
  outcomes_[offset] = Judge(offset, intent);
  end_ = offset.Next();
}

Oracle::Outcome Oracle::Judge(Offset offset, const Intent& intent) {
  if (intent.kind == Intent::Kind::kGenesis) {
    genesis_ = true;
    return {.verdict = Verdict::kGenesis};
  }
  if (!genesis_) return {.verdict = Verdict::kBeforeGenesis};
  if (intent.kind == Intent::Kind::kMisplaced) return {.verdict = Verdict::kMisplaced};
  if (intent.kind == Intent::Kind::kUnreadable) return {.verdict = Verdict::kUnreadable};

  const auto key = std::pair(intent.stream, intent.id);
  if (const auto known = known_.find(key); known != known_.end()) {
    Outcome first = outcomes_.at(known->second.offset);
    first.verdict =
        known->second.print == PrintOf(intent) ? Verdict::kDuplicate : Verdict::kKeyReused;
    return first;
  }
  known_[key] = {offset, PrintOf(intent)};
  std::vector<Kept>& stream = streams_[intent.stream];
  const std::int64_t events = stream.empty() ? 0 : stream.back().last().value + 1;
  const bool met = intent.expected.kind == Expected::Kind::kAny ||
                   (intent.expected.kind == Expected::Kind::kNew && events == 0) ||
                   (intent.expected.kind == Expected::Kind::kExists && events > 0) ||
                   (intent.expected.kind == Expected::Kind::kVersion &&
                    intent.expected.version.value == events - 1);
  if (!met) {
    const auto head = events == 0 ? std::nullopt : std::optional(Version(events - 1));
    return {.verdict = Verdict::kConflict, .head = head};
  }
  stream.push_back({offset, Version(events), intent.count, intent.body});
  return {.verdict = Verdict::kAdmitted,
          .admitted = true,
          .first = Version(events),
          .head = stream.back().last()};
}

const Oracle::Outcome* Oracle::OutcomeAt(Offset offset) const {
  const auto found = outcomes_.find(offset);
  return found == outcomes_.end() ? nullptr : &found->second;
}

std::vector<Kept> Oracle::StreamAt(const std::string& stream, Offset next) const {
  std::vector<Kept> seen;
  if (const auto found = streams_.find(stream); found != streams_.end()) {
    for (const Kept& kept : found->second) {
      if (kept.offset < next) seen.push_back(kept);
    }
  }
  return seen;
}

std::optional<Version> Oracle::HeadAt(const std::string& stream, Offset next) const {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return std::nullopt;
  for (auto kept = found->second.rbegin(); kept != found->second.rend(); ++kept) {
    if (kept->offset < next) return kept->last();
  }
  return std::nullopt;
}

const Oracle::Outcome* Oracle::RememberedAt(const std::string& stream, const std::string& id,
                                            Offset next) const {
  const auto found = known_.find({stream, id});
  if (found == known_.end() || found->second.offset >= next) return nullptr;
  return &outcomes_.at(found->second.offset);
}

}  // namespace bitacora::simulation
