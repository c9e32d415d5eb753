#include "model/workload/recorder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "model/workload/recorded_process.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_writer.h"

namespace nestwalk {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::uint64_t kAccessesPerCall = 1000000;
constexpr int kPollMilliseconds = 1;

// As a shell would need it.
std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool is_plain =
        !word.empty() && word.find_first_of(" \t\n\"'\\$&|;<>()*?[]#~`") == std::string::npos;
    text += fmt::format("{}{}", text.empty() ? "" : " ", is_plain ? word : "'" + word + "'");
  }
  return text;
}

bool is_program(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

bool can_find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return is_program(name);
  }
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (true) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (is_program(fmt::format("{}/{}", path.substr(0, end), name))) {
      return true;
    }
    if (end == path.size()) {
      return false;
    }
    path.remove_prefix(end + 1);
  }
}

[[noreturn]] void fail(std::string path, std::string found, std::string expected) {
  throw TraceError({.path = std::move(path),
                    .offset = 0,
                    .found = std::move(found),
                    .expected = std::move(expected)});
}

std::vector<std::string> valgrind_arguments(const RecordOptions& options,
                                            const std::string& log_path) {
  const bool follows = options.follow == Follow::kChildren;
  std::vector<std::string> words = {
      "--command-line-only=yes",  // no options from files or the environment
      "--tool=lackey",
      "--trace-mem=yes",
      "--basic-counts=no",
      "--trace-syscalls=yes",
      "--vgdb=no",
      fmt::format("--trace-children={}", follows ? "yes" : "no"),
      // A child that is not followed would write into the log of its parent.
      fmt::format("--child-silent-after-fork={}", follows ? "no" : "yes"),
      "--log-file=" + log_path,
      "--",
  };
  words.insert(words.end(), options.command.begin(), options.command.end());
  return words;
}

class Recording {
 public:
  Recording(const RecordOptions& options, const RecordCallback& callback)
      : options_(options),
        callback_(callback),
        writer_(options.output_path, {.command = quoted(options.command),
                                      .source = "valgrind lackey",
                                      .compression_level = options.compression_level}),
        tree_({.program = options.valgrind,
               .arguments =
                   [&options](const std::string& log) { return valgrind_arguments(options, log); },
               .follow = options.follow}),
        buffer_(kReadBytes) {
    processes_.push_back({.pid = tree_.first(),
                          .number = num_processes_++,
                          .log = RecordedProcess(maps_reader(tree_.first()), options.follow)});
  }

  RecordResult run() {
    RecordedStep step;
    while (!processes_.empty() && !result_.stopped_early) {
      Process& process = processes_[current_];
      const bool had_image = process.log.has_image();
      if (process.log.step(step)) {
        if (process.log.has_image() != had_image) {  // the maps at its start must be those
          tree_.set_run_ahead(process.pid, had_image ? RunAhead::kShort : RunAhead::kLong);
        }
        write(step);
        if (num_in_slice_ >= options_.slice_accesses) {
          give_way();
        }
      } else if (!fill(process)) {
        idle();
      }
    }
    end();
    return result_;
  }

 private:
  struct Process {
    pid_t pid = 0;
    std::uint32_t number = 0;  // in the trace
    RecordedProcess log;
  };

  RegionMap::MapsReader maps_reader(pid_t pid) {
    return [this, pid] { return tree_.maps(pid); };
  }

  // More of a log; false when there is nothing now.
  bool fill(Process& process) {
    const std::optional<std::size_t> got = tree_.read(process.pid, buffer_);
    if (got) {
      process.log.feed(std::string_view(buffer_.data(), *got));
    }
    return got.has_value();
  }

  // The current process has said nothing new: it computes, sleeps, waits to be seen to, or is gone.
  void idle() {
    const pid_t pid = processes_[current_].pid;
    if (!tree_.wait_for_log(pid, kPollMilliseconds)) {
      // A signal: whoever catches it answers through the callback.
      result_.stopped_early = !goes_on();
    }
    if (tree_.has_bytes(pid)) {
      return;
    }
    tree_.poll();
    if (tree_.has_ended(pid)) {
      if (!tree_.has_bytes(pid)) {
        retire();
      }
    } else if (tree_.is_asleep(pid) && !tree_.has_bytes(pid)) {
      give_way();
    }
  }

  [[nodiscard]] bool can_run(const Process& process) const {
    return process.log.has_lines() || tree_.has_bytes(process.pid) || !tree_.is_asleep(process.pid);
  }

  // The next process that can run, if another one can; a new slice.
  void give_way() {
    num_in_slice_ = 0;
    for (std::size_t i = 1; i < processes_.size(); ++i) {
      const std::size_t next = (current_ + i) % processes_.size();
      if (can_run(processes_[next])) {
        switch_to(next);
        return;
      }
    }
  }

  void switch_to(std::size_t next) {
    TraceEvent event;
    event.kind = TraceEventKind::kSwitchProcess;
    event.target_process = processes_[next].number;
    TraceRecord record;
    record.event = &event;
    record.process = processes_[current_].number;
    append(record);
    current_ = next;
    tree_.release(processes_[next].pid);
  }

  // Nothing is left of the current process but its end; the oldest one that can run follows.
  void retire() {
    RecordedStep step;
    processes_[current_].log.end(step);
    write(step);
    take_figures(processes_[current_]);
    if (processes_[current_].number == 0) {
      const int status = tree_.status(processes_[current_].pid);
      result_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
      result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    const std::size_t gone = current_;
    if (processes_.size() > 1) {
      const auto is_next = [&](std::size_t i) { return i != gone && can_run(processes_[i]); };
      std::size_t next = 0;
      while (next < processes_.size() && !is_next(next)) {
        ++next;
      }
      switch_to(next < processes_.size() ? next : (gone == 0 ? 1 : 0));
    }
    tree_.forget(processes_[gone].pid);
    processes_.erase(processes_.begin() + static_cast<std::ptrdiff_t>(gone));
    current_ -= current_ > gone ? 1 : 0;
    num_in_slice_ = 0;
  }

  void write(RecordedStep& step) {
    const std::uint32_t number = processes_[current_].number;
    if (step.forked_pid) {
      step.events.back().target_process = add_child(*step.forked_pid);
    }
    for (TraceRecord& record : step.records) {
      record.process = number;
      if (record.event != nullptr) {
        append(record);
        continue;
      }
      if (options_.max_accesses != 0 && writer_.num_accesses() == options_.max_accesses) {
        result_.stopped_early = true;
        return;
      }
      ++num_in_slice_;
      append(record);
      if (writer_.num_accesses() % kAccessesPerCall == 0 && !goes_on()) {
        result_.stopped_early = true;
        return;
      }
    }
  }

  std::uint32_t add_child(pid_t pid) {
    if (!tree_.is_known(pid)) {
      fail(options_.command.front(), fmt::format("a process {} that is hidden from here", pid),
           "a program that starts its processes in this PID namespace, or --no-children");
    }
    RecordedProcess log = processes_[current_].log.fork(maps_reader(pid));
    processes_.push_back({.pid = pid, .number = num_processes_, .log = std::move(log)});
    return num_processes_++;
  }

  void append(const TraceRecord& record) {
    writer_.append(record);
    result_.num_instructions += record.num_instructions;
    result_.num_events += record.event != nullptr ? 1 : 0;
  }

  bool goes_on() {
    return !callback_ || callback_({.num_accesses = writer_.num_accesses(),
                                    .num_instructions = result_.num_instructions,
                                    .file_bytes = writer_.file_bytes()});
  }

  void take_figures(const Process& process) {
    result_.num_added_regions += process.log.num_added();
    result_.num_widened_regions += process.log.num_widened();
    if (process.number == 0) {
      initial_regions_ = process.log.initial_regions();
    }
  }

  void end() {
    tree_.kill_all();
    for (const Process& process : processes_) {
      take_figures(process);
    }
    if (!result_.stopped_early && writer_.num_accesses() == 0) {
      fail(options_.command.front(), "no access at all",
           fmt::format("a program that {} can run (its message is above)", options_.valgrind));
    }
    writer_.finish(initial_regions_);
    result_.num_accesses = writer_.num_accesses();
    result_.file_bytes = writer_.file_bytes();
    result_.num_processes = num_processes_;
    result_.num_regions = initial_regions_.size();
  }

  const RecordOptions& options_;
  const RecordCallback& callback_;
  TraceWriter writer_;
  ProcessTree tree_;
  std::vector<char> buffer_;
  std::vector<Process> processes_;  // alive, in order of age
  std::size_t current_ = 0;         // among them
  std::uint32_t num_processes_ = 0;
  std::uint64_t num_in_slice_ = 0;
  std::vector<Region> initial_regions_;
  RecordResult result_;
};

}  // namespace

RecordResult record_program(const RecordOptions& options, const RecordCallback& callback) {
  if (options.command.empty()) {
    fail(options.output_path, "no command to record", "COMMAND after --");
  }
  if (!can_find_program(options.command.front())) {
    fail(options.command.front(), "no such program", "a program, as a path or in PATH");
  }
  if (!can_find_program(options.valgrind)) {
    fail(options.valgrind, "no such program",
         "Valgrind, which records programs: apt-get install valgrind");
  }
  std::optional<Recording> recording;
  try {
    recording.emplace(options, callback);
  } catch (const std::system_error& error) {  // not the file: that is a TraceError
    std::remove(options.output_path.c_str());
    if (error.code() == std::errc::operation_not_permitted) {
      fail(options.command.front(), "that processes may not be traced (ptrace) on this machine",
           "leave to trace them, or --no-children, which records the first process alone");
    }
    fail(options.valgrind, error.what(), "a program that starts");
  }
  try {
    return recording->run();
  } catch (...) {
    std::remove(options.output_path.c_str());  // ours: it did not exist before
    throw;
  }
}

}  // namespace nestwalk
