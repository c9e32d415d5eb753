#include "model/workload/process_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr int kShortLogBytes = 4 << 10;
constexpr int kLongLogBytes = 64 << 10;
constexpr long kTraceOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                               PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::array<UniqueFd, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    fail(errno, "pipe");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Of the child: it starts when the gate closes, and sends an error if the program does not start.
[[noreturn]] void run_program(int gate, int errors, char* const* argv) {
  char ignored = 0;
  while (::read(gate, &ignored, 1) < 0 && errno == EINTR) {
  }
  ::execvp(argv[0], argv);
  const int error = errno;
  const ssize_t written = ::write(errors, &error, sizeof(error));
  ::_exit(written == sizeof(error) ? 127 : 126);
}

void resume(pid_t thread, int signal) {
  ::ptrace(PTRACE_CONT, thread, nullptr, static_cast<std::intptr_t>(signal));
}

bool is_job_control_stop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

}  // namespace

ProcessTree::ProcessTree(const ProcessTreeOptions& options) : follow_(options.follow) {
  std::string pattern = (fs::temp_directory_path() / "nestwalk-record-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    fail(errno, pattern);
  }
  folder_ = pattern;
  try {
    start(options);
  } catch (...) {
    kill_all();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

ProcessTree::~ProcessTree() {
  kill_all();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void ProcessTree::start(const ProcessTreeOptions& options) {
  std::string pattern;
  for (const char c : folder_) {
    pattern += c == '%' ? "%%" : std::string(1, c);
  }
  std::vector<std::string> words = options.arguments(pattern + "/log.%p");
  words.insert(words.begin(), options.program);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);

  auto [gate_out, gate_in] = make_pipe();
  auto [error_out, error_in] = make_pipe();
  const pid_t pid = ::fork();
  if (pid < 0) {
    fail(errno, "fork");
  }
  if (pid == 0) {
    ::close(gate_in.get());
    run_program(gate_out.get(), error_in.get(), argv.data());
  }
  first_ = pid;
  threads_[pid] = pid;
  processes_[pid];
  if (follow_ == Follow::kChildren &&
      ::ptrace(PTRACE_SEIZE, pid, nullptr, static_cast<std::intptr_t>(kTraceOptions)) != 0) {
    fail(EPERM, "ptrace");
  }
  add_process(pid, false);
  gate_in.reset();
  error_in.reset();
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(error_out.get(), &error, sizeof(error))) < 0 && errno == EINTR) {
  }
  if (got == sizeof(error)) {
    fail(error, options.program);
  }
}

std::string ProcessTree::log_path(const std::string& number) const {
  return folder_ + "/log." + number;
}

void ProcessTree::add_process(pid_t pid, bool is_held) {
  const std::string path = log_path(std::to_string(pid));
  if (::mkfifo(path.c_str(), 0600) != 0) {
    fail(errno, path);
  }
  Process& process = processes_[pid];
  // Open for writing as well: the log does not end between two programs of a process.
  process.log = UniqueFd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!process.log) {
    fail(errno, path);
  }
  set_run_ahead(pid, RunAhead::kShort);
  process.is_held = is_held;
  threads_[pid] = pid;
}

void ProcessTree::poll() {
  std::vector<pid_t> threads;
  for (const auto& [thread, process] : threads_) {
    threads.push_back(thread);
  }
  for (const pid_t thread : threads) {
    poll_thread(thread);
  }
}

void ProcessTree::poll_thread(pid_t thread) {
  int status = 0;
  pid_t got = 0;
  while ((got = ::waitpid(thread, &status, WNOHANG | __WALL)) == thread) {
    if (WIFSTOPPED(status)) {
      handle_stop(thread, status);
    } else {
      handle_end(thread, status);
      return;
    }
  }
  if (got < 0 && errno == ECHILD) {  // another thread of its process has started a program
    threads_.erase(thread);
  }
}

void ProcessTree::handle_end(pid_t thread, int status) {
  if (threads_[thread] == thread) {
    Process& process = processes_.at(thread);
    process.has_ended = true;
    process.status = status;
  }
  threads_.erase(thread);
}

void ProcessTree::handle_stop(pid_t thread, int status) {
  const int event = status >> 16;
  const int signal = WSTOPSIG(status);
  unsigned long message = 0;
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      if (::ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &message) == 0) {
        add_process(static_cast<pid_t>(message), true);
      }
      resume(thread, 0);
      return;
    case PTRACE_EVENT_CLONE:
      if (::ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &message) == 0) {
        threads_[static_cast<pid_t>(message)] = threads_[thread];
      }
      resume(thread, 0);
      return;
    case PTRACE_EVENT_STOP: {
      Process& process = processes_.at(threads_[thread]);
      process.is_suspended = is_job_control_stop(signal);
      if (process.is_held) {
        process.is_stopped = true;
      } else if (process.is_suspended) {
        ::ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
      } else {
        resume(thread, 0);
      }
      return;
    }
    case 0:
      resume(thread, signal);
      return;
    default:
      resume(thread, 0);
      return;
  }
}

bool ProcessTree::wait_for_log(pid_t pid, int milliseconds) const {
  pollfd log{.fd = processes_.at(pid).log.get(), .events = POLLIN, .revents = 0};
  return ::poll(&log, 1, milliseconds) >= 0 || errno != EINTR;
}

bool ProcessTree::has_bytes(pid_t pid) const {
  pollfd log{.fd = processes_.at(pid).log.get(), .events = POLLIN, .revents = 0};
  return ::poll(&log, 1, 0) > 0;
}

std::optional<std::size_t> ProcessTree::read(pid_t pid, std::span<char> out) {
  const ssize_t got = ::read(processes_.at(pid).log.get(), out.data(), out.size());
  if (got > 0) {
    return static_cast<std::size_t>(got);
  }
  if (got < 0 && errno != EAGAIN && errno != EINTR) {
    fail(errno, "read from a log");
  }
  return std::nullopt;
}

bool ProcessTree::is_asleep(pid_t pid) const {
  if (processes_.at(pid).is_suspended) {
    return true;
  }
  std::error_code error;
  bool has_threads = false;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    const std::string stat = read_text(task.path() / "stat");
    const std::size_t name_end = stat.rfind(')');  // the state follows it and a blank
    if (name_end == std::string::npos || stat.compare(name_end, 3, ") S") != 0) {
      return false;
    }
    has_threads = true;
  }
  return has_threads;
}

std::string ProcessTree::maps(pid_t pid) const {
  return read_text(fmt::format("/proc/{}/maps", pid));
}

// The kernel may refuse: then the log stays as it is, which is slower or less exact, not wrong.
void ProcessTree::set_run_ahead(pid_t pid, RunAhead run_ahead) {
  (void)::fcntl(processes_.at(pid).log.get(), F_SETPIPE_SZ,
                run_ahead == RunAhead::kLong ? kLongLogBytes : kShortLogBytes);
}

void ProcessTree::release(pid_t pid) {
  Process& process = processes_.at(pid);
  process.is_held = false;
  if (std::exchange(process.is_stopped, false)) {
    resume(pid, 0);
  }
}

void ProcessTree::forget(pid_t pid) {
  processes_.erase(pid);
  std::error_code ignored;
  fs::remove(log_path(std::to_string(pid)), ignored);
}

void ProcessTree::kill_all() {
  // A process that is just being started becomes known by the stop of its parent; it dies in the
  // next round.
  while (!threads_.empty()) {
    for (const auto& [pid, process] : processes_) {
      if (!process.has_ended) {
        ::kill(pid, SIGKILL);
      }
    }
    const pid_t thread = threads_.begin()->first;
    int status = 0;
    const pid_t got = ::waitpid(thread, &status, __WALL);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      threads_.erase(thread);
    } else if (WIFSTOPPED(status)) {
      handle_stop(thread, status);
    } else {
      handle_end(thread, status);
    }
  }
}

}  // namespace nestwalk
