// The process of a drill, as its server holds it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include <bitacora/base/mutex.h>
#include <bitacora/base/status.h>

namespace bitacora::consumers {

/// A child with pipes to it, in a process group of its own: a Ctrl-C at the terminal is for the
/// server, which then ends the child. It inherits no other descriptor and no signal mask. What it
/// writes to stderr becomes lines of our log.
///
/// For one thread, but for Kill. Killed and reaped with its owner.
class RebuildProcess {
 public:
  /// Runs `program` with the one argument `argument`, and `input` as its whole stdin.
  /// kUnavailable: it cannot be started.
  static Result<std::unique_ptr<RebuildProcess>> Start(const std::string& program,
                                                       const std::string& argument,
                                                       const std::string& input);
  ~RebuildProcess();
  RebuildProcess(const RebuildProcess&) = delete;
  RebuildProcess& operator=(const RebuildProcess&) = delete;

  /// The next line of its stdout, without its end; nothing: there are no more. Waits for it.
  std::optional<std::string> NextLine();
  /// Waits for its end, which is told as "exited with 1" or "was ended by signal 9".
  std::string Wait();
  /// From any thread: the calls above return soon.
  void Kill() EXCLUDES(mu_);

 private:
  struct Output {
    int descriptor = -1;
    std::string pending;  ///< Read, and not a whole line yet.
  };

  RebuildProcess(pid_t pid, int out, int err);
  void Send(int descriptor, const std::string& input);
  /// Waits until one of the two can be read, and reads. False: both have ended.
  bool ReadSome();
  void LogErrorLines();

  const pid_t pid_;
  Output out_;
  Output err_;
  int status_ = 0;

  Mutex mu_;
  bool reaped_ GUARDED_BY(mu_) = false;  ///< From then on the number may be another process's.
};

}  // namespace bitacora::consumers
