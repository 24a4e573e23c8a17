#include "src/rebuild_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bitacora/base/log.h>

extern char** environ;

namespace bitacora::consumers {
namespace {

/// No line of ours is near it.
constexpr std::size_t kLineBytesMax = 64u << 10;

/// A descriptor until it is given away.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

Error CannotStart(int error) {
  return {ErrorCode::kUnavailable,
          std::string("the process of the drill cannot be started: ") + std::strerror(error)};
}

/// Two ends, ours first. Sockets: a send to a child that is gone is then no signal.
Status MakePair(Descriptor* ours, Descriptor* theirs) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return CannotStart(errno);
  *ours = Descriptor(ends[0]);
  *theirs = Descriptor(ends[1]);
  return {};
}

/// A process group of its own, no signal mask, and SIGPIPE as a program expects it.
void SetAttributes(posix_spawnattr_t* attributes) {
  ::posix_spawnattr_setflags(
      attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setpgroup(attributes, 0);
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(attributes, &signals);
}

Result<pid_t> Spawn(const std::string& program, const std::string& argument,
                    const std::array<int, 3>& streams) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int stream = 0; stream < 3; ++stream) {
    ::posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(stream)], stream);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  SetAttributes(&attributes);

  std::string name = program;
  std::string only = argument;
  char* arguments[] = {name.data(), only.data(), nullptr};
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return CannotStart(failed);
  return pid;
}

/// The first line of `text`, taken out of it.
std::optional<std::string> TakeLine(std::string* text) {
  const std::size_t end = text->find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = text->substr(0, end);
  text->erase(0, end + 1);
  return line;
}

}  // namespace

Result<std::unique_ptr<RebuildProcess>> RebuildProcess::Start(const std::string& program,
                                                              const std::string& argument,
                                                              const std::string& input) {
  Descriptor in, out, err, their_in, their_out, their_err;
  BITACORA_RETURN_IF_ERROR(MakePair(&in, &their_in));
  BITACORA_RETURN_IF_ERROR(MakePair(&out, &their_out));
  BITACORA_RETURN_IF_ERROR(MakePair(&err, &their_err));
  BITACORA_ASSIGN_OR_RETURN(
      const pid_t pid,
      Spawn(program, argument, {their_in.get(), their_out.get(), their_err.get()}));
  auto process =
      std::unique_ptr<RebuildProcess>(new RebuildProcess(pid, out.Release(), err.Release()));
  process->Send(in.get(), input);
  return process;
}

RebuildProcess::RebuildProcess(pid_t pid, int out, int err)
    : pid_(pid), out_{out, {}}, err_{err, {}} {}

RebuildProcess::~RebuildProcess() {
  Kill();
  Wait();
  for (const int descriptor : {out_.descriptor, err_.descriptor}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

/// A child that is gone before it has read all shows at its end, so failing here is no error.
void RebuildProcess::Send(int descriptor, const std::string& input) {
  std::size_t sent = 0;
  while (sent < input.size()) {
    const ssize_t done = ::send(descriptor, input.data() + sent, input.size() - sent, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    sent += static_cast<std::size_t>(done);
  }
}

std::optional<std::string> RebuildProcess::NextLine() {
  while (true) {
    if (auto line = TakeLine(&out_.pending)) return line;
    if (out_.pending.size() > kLineBytesMax || !ReadSome()) return std::nullopt;
  }
}

bool RebuildProcess::ReadSome() {
  std::array<pollfd, 2> wanted{pollfd{out_.descriptor, POLLIN, 0},
                               pollfd{err_.descriptor, POLLIN, 0}};
  if (out_.descriptor < 0 && err_.descriptor < 0) return false;
  if (::poll(wanted.data(), wanted.size(), -1) < 0) return errno == EINTR;
  for (Output* output : {&out_, &err_}) {
    const pollfd& found = wanted[output == &out_ ? 0 : 1];
    if (found.revents == 0) continue;
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(output->descriptor, buffer.data(), buffer.size());
    if (got > 0) output->pending.append(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) {
      ::close(std::exchange(output->descriptor, -1));
    }
  }
  LogErrorLines();
  return true;
}

void RebuildProcess::LogErrorLines() {
  const bool ended = err_.descriptor < 0;
  if ((ended || err_.pending.size() > kLineBytesMax) && !err_.pending.empty()) {
    err_.pending.push_back('\n');
  }
  while (const auto line = TakeLine(&err_.pending)) {
    if (!line->empty()) LogWarning("the process of a drill says", {{"line", *line}});
  }
}

std::string RebuildProcess::Wait() {
  {
    MutexLock lock(mu_);
    if (reaped_) return {};
  }
  // Waits without reaping, so that Kill never meets the number of somebody else.
  siginfo_t ended;
  while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  MutexLock lock(mu_);
  ::waitpid(pid_, &status_, 0);
  reaped_ = true;
  return WIFEXITED(status_) ? "exited with " + std::to_string(WEXITSTATUS(status_))
                            : "was ended by signal " + std::to_string(WTERMSIG(status_));
}

void RebuildProcess::Kill() {
  MutexLock lock(mu_);
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

}  // namespace bitacora::consumers
