// What the log means, told in the simplest way: from what was sent, not from the bytes that came
// back, and without a line of the code under test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bitacora/domain/admit.h>
#include <bitacora/domain/ids.h>

namespace bitacora::simulation {

/// A record as its writer meant it.
struct Intent {
  enum class Kind { kAttempt, kGenesis, kUnreadable, kMisplaced };
  Kind kind = Kind::kAttempt;
  std::string stream = {};
  std::string id = {};    ///< The append id.
  std::string body = {};  ///< Its events have the ids BODY/0, BODY/1 …
  Expected expected = {};
  std::uint32_t count = 1;
};

/// An append that was admitted.
struct Kept {
  Offset offset;
  Version first;
  std::uint32_t count = 0;
  std::string body;

  Version last() const { return Version(first.value + count - 1); }
};

/// One partition.
class Oracle {
 public:
  struct Outcome {
    Verdict verdict = Verdict::kUnreadable;
    bool admitted = false;  ///< Of the first verdict on the id.
    std::optional<Version> first = {};
    std::optional<Version> head = {};
  };

  /// `intent` is in the log at `offset`.
  void Land(Offset offset, const Intent& intent);

  Offset end() const { return end_; }
  /// Of the record at `offset`; nothing where there is none.
  const Outcome* OutcomeAt(Offset offset) const;

  /// As somebody sees it who has folded everything before `next`.
  std::vector<Kept> StreamAt(const std::string& stream, Offset next) const;
  std::optional<Version> HeadAt(const std::string& stream, Offset next) const;
  const Outcome* RememberedAt(const std::string& stream, const std::string& id, Offset next) const;

 private:
  struct Known {
    Offset offset;
    std::string print;
  };

  Outcome Judge(Offset offset, const Intent& intent);

  bool genesis_ = false;
  Offset end_;
  std::map<Offset, Outcome> outcomes_;
  std::map<std::string, std::vector<Kept>> streams_;
  std::map<std::pair<std::string, std::string>, Known> known_;
};

/// What a repetition has in common with the first request: equal prints, equal fingerprints.
std::string PrintOf(const Intent& intent);

}  // namespace bitacora::simulation
