// Streams and append ids in memory, as the simplest caller of FoldRecord keeps them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <bitacora/domain/admit.h>

namespace bitacora::testing {

class MemoryStreams final : public StreamLookup {
 public:
  std::optional<Version> Head(std::string_view stream) override {
    const auto found = heads.find(std::string(stream));
    return found == heads.end() ? std::nullopt : std::optional(found->second);
  }

  std::optional<Remembered> Find(std::string_view stream, std::string_view append_id) override {
    const auto found = known.find({std::string(stream), std::string(append_id)});
    return found == known.end() ? std::nullopt : std::optional(found->second);
  }

  /// What FoldRecord asks of its caller.
  void Apply(const FoldStep& step) {
    const std::string stream(step.attempt.stream);
    if (step.verdict == Verdict::kAdmitted) heads[stream] = *step.remembered.head;
    if (step.verdict == Verdict::kAdmitted || step.verdict == Verdict::kConflict) {
      known[{stream, std::string(step.attempt.append_id)}] = step.remembered;
    }
  }

  std::map<std::string, Version> heads;
  std::map<std::pair<std::string, std::string>, Remembered> known;
};

}  // namespace bitacora::testing
