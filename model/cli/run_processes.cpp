#include "model/cli/run_processes.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <ostream>

#include "model/cli/interrupt.h"

namespace nestwalk {

namespace {

// What a child says of itself through its pipe; short enough to be written in one piece.
struct Report {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known
};

struct Child {
  pid_t pid = -1;
  int pipe = -1;
  Report last;
  int status = kExitCheckFailed;
};

[[noreturn]] void run_child(const RunProcess& process, int pipe, const Streams& streams) {
  RunHooks hooks;
  hooks.is_interrupted = InterruptGuard::is_requested;
  hooks.progress = [pipe](std::uint64_t done, std::optional<std::uint64_t> total) {
    const Report report{done, total.value_or(0)};
    // A parent that has gone needs no report.
    [[maybe_unused]] const ssize_t written = write(pipe, &report, sizeof report);
  };
  const int status = process.body(hooks);
  streams.out.flush();
  streams.err.flush();
  _exit(status);
}

Child start(const RunProcess& process, const Streams& streams) {
  Child child;
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    return child;
  }
  streams.out.flush();
  streams.err.flush();
  child.pid = fork();
  if (child.pid == 0) {
    close(ends[0]);
    run_child(process, ends[1], streams);
  }
  close(ends[1]);
  child.pipe = ends[0];
  return child;
}

void show(const std::vector<Child>& children, ProgressLine& line) {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  for (const Child& child : children) {
    done += child.last.done;
    total += child.last.total;
  }
  line.show("running", done, total == 0 ? std::nullopt : std::optional(total));
}

// Reads what a child reports; closes the pipe when the child has.
void read_reports(Child& child) {
  std::array<Report, 64> reports;
  const ssize_t size = read(child.pipe, reports.data(), sizeof reports);
  if (size >= static_cast<ssize_t>(sizeof(Report))) {
    child.last = reports[static_cast<std::size_t>(size) / sizeof(Report) - 1];
  } else if (size == 0 || (size < 0 && errno != EINTR)) {
    close(child.pipe);
    child.pipe = -1;
  }
}

void wait_for(Child& child) {
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  child.status = WIFEXITED(status) ? WEXITSTATUS(status) : kExitCheckFailed;
}

int worst(const std::vector<Child>& children) {
  int result = kExitOk;
  for (const Child& child : children) {
    if (child.status != kExitOk && (result == kExitOk || result == kExitInterrupted)) {
      result = child.status;
    }
  }
  return result;
}

}  // namespace

int run_processes(const std::vector<RunProcess>& processes, ProgressLine& line,
                  const Streams& streams) {
  const InterruptGuard guard;  // the children inherit it
  std::vector<Child> children;
  for (const RunProcess& process : processes) {
    children.push_back(start(process, streams));
    if (children.back().pid < 0) {
      streams.err << "nestwalk: cannot start a process for mode " << process.name << "\n";
    }
  }
  bool is_passed_on = false;
  for (;;) {
    if (InterruptGuard::is_requested() && !is_passed_on) {
      is_passed_on = true;
      for (const Child& child : children) {
        if (child.pid > 0) {
          InterruptGuard::pass_on(child.pid);
        }
      }
    }
    std::vector<pollfd> polled;
    std::vector<Child*> polled_children;
    for (Child& child : children) {
      if (child.pipe >= 0) {
        polled.push_back({child.pipe, POLLIN, 0});
        polled_children.push_back(&child);
      }
    }
    if (polled.empty()) {
      break;
    }
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      break;
    }
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) {
        read_reports(*polled_children[i]);
      }
    }
    show(children, line);
  }
  for (Child& child : children) {
    if (child.pid > 0) {
      wait_for(child);
    }
  }
  return worst(children);
}

}  // namespace nestwalk
