// A program run by a test: its output, its end, a kill.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bitacora::tests {

/// Not thread-safe. Killed and reaped with its owner.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int failed =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
    if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
  }
  ~ChildProcess() {
    Kill();
    Wait();
    ::close(output_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// All output so far, and what comes within the call: until `bytes` more have come or it ended.
  /// False at the end.
  bool ReadSome() {
    char buffer[65536];
    const ssize_t got = ::read(output_, buffer, sizeof buffer);
    if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }
  const std::string& ReadAll() {
    while (ReadSome()) {
    }
    return text_;
  }
  const std::string& text() const { return text_; }

  void Kill() {
    if (!reaped_) ::kill(pid_, SIGKILL);
  }
  bool HasEnded() {
    reaped_ = reaped_ || ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
  }
  /// The exit code, or minus the signal that ended it.
  int Wait() {
    if (!reaped_) {
      ::waitpid(pid_, &status_, 0);
      reaped_ = true;
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
  std::string text_;
  int status_ = 0;
  bool reaped_ = false;
};

}  // namespace bitacora::tests
