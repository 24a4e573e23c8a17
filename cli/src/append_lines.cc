#include "src/append_lines.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <bitacora/base/bounded_queue.h>
#include <bitacora/base/thread.h>
#include <bitacora/domain/json.h>
#include <bitacora/domain/record.h>

#include "src/exit_code.h"
#include "src/json_view.h"
#include "src/line_event.h"
#include "src/line_reader.h"
#include "src/problem.h"
#include "src/progress.h"
#include "src/url.h"

namespace bitacora::cli {
namespace {

// Persistent: together with the key they decide which append id a line gets.
constexpr std::int32_t kLanes = 4;
constexpr std::size_t kGroupLines = 100;
constexpr std::size_t kGroupBytes = 512u << 10;

constexpr std::chrono::milliseconds kPause{50};
constexpr int kComplaintsMax = 20;

struct Line {
  std::uint64_t number = 0;  ///< From 1.
  LineEvent event;
};

/// Lines of one lane that are sent together.
struct Group {
  std::string key;
  std::vector<Line> lines;
  std::size_t bytes = 0;
};

/// What has become of everything so far. Thread-safe.
class Tally {
 public:
  void Appended(std::uint64_t count) { appended_ += count; }

  void Refused(const Line& line, const std::string& why) {
    ++refused_;
    Say("line " + std::to_string(line.number) + " was not appended: " + why);
  }

  void OutOfOrder(const Line& line) {
    Say("line " + std::to_string(line.number) +
        " was appended, but behind later lines of its stream: the server refused it at first");
  }

  /// The work cannot go on; the first reason counts for the exit code, unknown before unwritten.
  void Fail(ExitCode code, const std::string& why) {
    MutexLock lock(mu_);
    if (failure_ == kDone || code == kUndecided) failure_ = code;
    failed_ = true;
    if (complaints_++ < kComplaintsMax) Complain(why);
  }

  bool failed() const { return failed_; }
  std::uint64_t appended() const { return appended_; }
  std::uint64_t refused() const { return refused_; }

  int exit_code() const {
    MutexLock lock(mu_);
    if (failure_ != kDone) return failure_;
    return refused_ > 0 ? kAnswerIsNo : kDone;
  }

 private:
  void Say(const std::string& sentence) EXCLUDES(mu_) {
    MutexLock lock(mu_);
    ++complaints_;
    if (complaints_ <= kComplaintsMax) Complain(sentence);
    if (complaints_ == kComplaintsMax) Complain("… and so on; the summary counts all");
  }

  std::atomic<std::uint64_t> appended_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<bool> failed_{false};
  mutable Mutex mu_;
  ExitCode failure_ GUARDED_BY(mu_) = kDone;
  int complaints_ GUARDED_BY(mu_) = 0;
};

std::string BodyOf(const Group& group) {
  std::string body = "[";
  for (std::size_t i = 0; i < group.lines.size(); ++i) {
    const LineEvent& event = group.lines[i].event;
    if (i > 0) body.push_back(',');
    body.append(R"({"id":)");
    if (event.id.empty()) {
      AppendJsonString(&body, group.key + "#" + std::to_string(i));
    } else {
      body.append(event.id);
    }
    body.append(event.members).append("}");
  }
  return body.append("]");
}

bool IsRetryable(std::int64_t status) {
  return status == 429 || status == 503 || status == 504 || status == 507;
}

/// Sends the groups of one lane, one after another.
class Lane {
 public:
  Lane(const AppendLinesOptions& options, const std::string& url, int number, Tally* tally)
      : patience_(static_cast<std::int64_t>(options.client.retry_s)),
        server_(url, patience_),
        target_("/v1/topics/" + PercentEncode(options.topic) + "/events"),
        tally_(*tally),
        thread_(StartThread("append-" + std::to_string(number),
                            [this](const std::stop_token&) { Work(); })) {}

  /// Waits where two groups wait already.
  void Put(Group group) {
    while (!groups_.TryPush(std::move(group))) {
      if (tally_.failed()) return;
      SleepUnless(std::chrono::milliseconds(1), nullptr);
    }
  }

  /// Sends what was put and ends.
  void Finish() {
    groups_.Close();
    thread_.join();
  }

 private:
  using Results = std::vector<JsonView>;

  void Work() {
    while (auto group = groups_.Pop()) {
      if (!tally_.failed()) SendGroup(*group);
    }
  }

  /// Repeats the group, which its key makes safe, while some of its lines are told "later".
  void SendGroup(const Group& group) {
    HttpCall call;
    call.method = "POST";
    call.target = target_;
    call.fields = {{"Content-Type", "application/cloudevents-batch+json"},
                   {"Idempotency-Key", group.key}};
    call.body = BodyOf(group);
    const Deadline end = SystemClock().Now() + patience_;
    Backoff backoff;
    while (true) {
      const auto answer = server_.Ask(call);
      if (!answer.ok()) return GiveUp(group, answer.error());
      const auto page = JsonView::Parse(answer->body);
      const Results results = page.ok() ? page->Objects("results") : Results{};
      if (results.size() != group.lines.size()) {
        return GiveUp(group, Error(ErrorCode::kTimeout, "the answer is not that to a bulk append"));
      }
      const bool again = std::any_of(results.begin(), results.end(), [](const JsonView& result) {
        return IsRetryable(result.Integer("status").value_or(0));
      });
      const auto wait = backoff.Next(std::chrono::seconds(0));
      if (!again || SystemClock().Now() + wait >= end) return Settle(group, results);
      SleepUnless(wait, nullptr);
    }
  }

  void GiveUp(const Group& group, const Error& error) {
    tally_.Fail(ExitCodeOf(error), "lines " + std::to_string(group.lines.front().number) + " to " +
                                       std::to_string(group.lines.back().number) + ": " +
                                       error.message());
  }

  void Settle(const Group& group, const Results& results) {
    std::map<std::string_view, std::int64_t> highest;  // Version met so far, by stream.
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Line& line = group.lines[i];
      const std::int64_t status = results[i].Integer("status").value_or(0);
      const std::string why = results[i].Text("title") + ": " + results[i].Text("detail");
      if (status == 201) {
        tally_.Appended(1);
        const std::int64_t version = results[i].Integer("version").value_or(0);
        const auto [known, is_first] = highest.try_emplace(line.event.stream, version);
        if (!is_first && version < known->second) tally_.OutOfOrder(line);
        known->second = std::max(known->second, version);
      } else if (status == 504 || status == 500) {
        tally_.Fail(kUndecided, "line " + std::to_string(line.number) + ": " + why);
      } else if (IsRetryable(status)) {
        tally_.Fail(kUnreachable, "line " + std::to_string(line.number) + ": " + why);
      } else {
        tally_.Refused(line, why);
      }
    }
  }

  const std::chrono::seconds patience_;
  Server server_;
  const std::string target_;
  Tally& tally_;
  BoundedQueue<Group> groups_{2};
  std::jthread thread_;
};

/// Reads lines, sorts them into groups, and hands these to the lanes.
class Sender {
 public:
  Sender(const AppendLinesOptions& options, const std::string& url) : options_(options) {
    for (int i = 0; i < kLanes; ++i) {
      lanes_.push_back(std::make_unique<Lane>(options, url, i, &tally_));
    }
    struct stat about {};
    const bool is_file = fstat(STDIN_FILENO, &about) == 0 && S_ISREG(about.st_mode);
    if (is_file && about.st_size > 0) size_ = static_cast<double>(about.st_size);
    repeatable_ = options.key_from_user || is_file;
  }

  int Run() {
    {
      Progress progress("events", [this] { return State(); });
      ReadLines();
      for (const auto& lane : lanes_) lane->Finish();
    }
    ShowSummary();
    return wrong_input_ && tally_.exit_code() == kDone ? kUsage : tally_.exit_code();
  }

 private:
  ProgressState State() const {
    ProgressState state;
    state.done = tally_.appended() + tally_.refused();
    if (size_) state.fraction = static_cast<double>(bytes_read_) / *size_;
    return state;
  }

  void ReadLines() {
    LineReader reader(STDIN_FILENO);
    std::string line;
    while (!tally_.failed()) {
      const LineReader::Got got = reader.Next(kPause, &line);
      bytes_read_ = reader.bytes_read();
      if (got == LineReader::Got::kEnd) break;
      if (got == LineReader::Got::kPause) {
        if (!repeatable_) FlushAll();
        continue;
      }
      ++lines_;
      if (got == LineReader::Got::kTooLong) return StopReading("it is longer than 8 MiB");
      if (got == LineReader::Got::kFailed) return StopReading("stdin cannot be read");
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      auto event = ParseLineEvent(line, options_.topic, options_.stream);
      if (!event.ok()) return StopReading(event.error().message());
      Add({lines_, *std::move(event)});
    }
    FlushAll();
  }

  /// What was read before the line is still sent.
  void StopReading(const std::string& why) {
    Complain("line " + std::to_string(lines_) + ": " + why + ". It and what follows was not sent.");
    wrong_input_ = true;
    FlushAll();
  }

  void Add(Line line) {
    const auto lane = static_cast<std::size_t>(PartitionOf(line.event.stream, kLanes).value);
    Group& group = open_[lane];
    const std::size_t bytes = line.event.members.size();
    if (!group.lines.empty() && group.bytes + bytes > kGroupBytes) Flush(lane);
    group.bytes += bytes;
    group.lines.push_back(std::move(line));
    if (group.lines.size() == kGroupLines) Flush(lane);
  }

  void Flush(std::size_t lane) {
    Group group = std::exchange(open_[lane], {});
    if (group.lines.empty()) return;
    group.key = options_.key + "-" + std::to_string(lane) + "-" + std::to_string(sent_[lane]++);
    lanes_[lane]->Put(std::move(group));
  }

  void FlushAll() {
    for (std::size_t lane = 0; lane < open_.size(); ++lane) Flush(lane);
  }

  void ShowSummary() const {
    if (options_.client.json) {
      std::cout << R"({"appended":)" << tally_.appended() << R"(,"refused":)" << tally_.refused()
                << R"(,"lines":)" << lines_ << "}\n";
    } else {
      std::cout << FormatCount(tally_.appended()) << " events appended";
      if (tally_.refused() > 0) std::cout << ", " << FormatCount(tally_.refused()) << " refused";
      std::cout << '\n';
    }
    std::cout.flush();
    if (!tally_.failed()) return;
    Complain(repeatable_
                 ? "Send the same lines again with --key " + options_.key +
                       ": nothing is appended twice."
                 : "With --key, or with the lines in a file, they could be sent again safely.");
  }

  const AppendLinesOptions& options_;
  std::optional<double> size_;
  bool repeatable_ = false;
  bool wrong_input_ = false;
  std::uint64_t lines_ = 0;
  std::atomic<std::size_t> bytes_read_{0};
  std::array<Group, kLanes> open_;
  std::array<std::uint64_t, kLanes> sent_{};
  Tally tally_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace

int AppendLines(const AppendLinesOptions& options) {
  const auto url = ParseServerUrl(options.client.server);
  if (!url.ok()) {
    Complain(url.error().message());
    return kUsage;
  }
  return Sender(options, *url).Run();
}

}  // namespace bitacora::cli
