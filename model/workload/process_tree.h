// A program that is watched with all the processes it starts: each has a log of its own, a FIFO
// that it opens by a name made from its process number.
//
//   ProcessTree tree({.program = "valgrind", .arguments = ..., .follow = Follow::kChildren});
//   tree.read(tree.first(), buffer);      // nothing: no bytes now
//   tree.poll(milliseconds);              // who was started, who has ended
//
// A child is held at its birth, before its first instruction, until release(): so a log exists
// before anybody can write to it, and who runs first is decided here. The processes are traced
// (ptrace) for this; with Follow::kNone they are not, and children are nobody's business.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/workload/unique_fd.h"

namespace nestwalk {

enum class Follow : std::uint8_t { kNone, kChildren };

enum class RunAhead : std::uint8_t { kShort, kLong };

struct ProcessTreeOptions {
  std::string program;
  // The arguments, given the name of the log with %p for the process number.
  std::function<std::vector<std::string>(const std::string&)> arguments;
  Follow follow = Follow::kChildren;
};

class ProcessTree {
 public:
  // Throws std::system_error; operation_not_permitted when processes may not be traced here.
  explicit ProcessTree(const ProcessTreeOptions& options);
  ~ProcessTree();  // kills what still runs
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  [[nodiscard]] pid_t first() const { return first_; }

  // Sees to everything that has happened to the processes.
  void poll();
  // Waits at most so long for bytes in a log; false when a signal came in between.
  [[nodiscard]] bool wait_for_log(pid_t pid, int milliseconds) const;
  [[nodiscard]] std::optional<std::size_t> read(pid_t pid, std::span<char> out);
  [[nodiscard]] bool has_bytes(pid_t pid) const;

  [[nodiscard]] bool is_known(pid_t pid) const { return processes_.contains(pid); }
  [[nodiscard]] bool has_ended(pid_t pid) const { return processes_.at(pid).has_ended; }
  // As waitpid gives it, of a process that has ended.
  [[nodiscard]] int status(pid_t pid) const { return processes_.at(pid).status; }
  // Every thread waits for something: another process, a terminal, the time.
  [[nodiscard]] bool is_asleep(pid_t pid) const;
  // The text of /proc/PID/maps; empty when the process has ended.
  [[nodiscard]] std::string maps(pid_t pid) const;

  // How far a process can run ahead of the reader of its log: a page of text at first.
  void set_run_ahead(pid_t pid, RunAhead run_ahead);
  // Lets a new process run.
  void release(pid_t pid);
  // Drops a process that has ended.
  void forget(pid_t pid);
  void kill_all();

 private:
  struct Process {
    UniqueFd log;
    bool is_held = false;       // not to run yet
    bool is_stopped = false;    // in its first stop
    bool is_suspended = false;  // by job control
    bool has_ended = false;
    int status = 0;
  };

  void start(const ProcessTreeOptions& options);
  void add_process(pid_t pid, bool is_held);
  [[nodiscard]] std::string log_path(const std::string& number) const;
  void poll_thread(pid_t thread);
  void handle_stop(pid_t thread, int status);
  void handle_end(pid_t thread, int status);

  Follow follow_;
  std::string folder_;
  pid_t first_ = -1;
  std::map<pid_t, Process> processes_;
  std::map<pid_t, pid_t> threads_;  // to their processes
};

}  // namespace nestwalk
