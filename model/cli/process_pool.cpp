#include "model/cli/process_pool.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <optional>

#include "model/cli/interrupt.h"

namespace nestwalk {

namespace {

using Clock = std::chrono::steady_clock;

struct Started {
  std::size_t index = 0;
  Clock::time_point start;
};

std::optional<pid_t> start(const Job& job) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, job.log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::vector<std::string> words = job.words;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace

void ProcessPool::run(const std::vector<Job>& jobs,
                      const std::function<void(const FinishedJob&)>& finished) {
  std::map<pid_t, Started> running;
  std::size_t next = 0;
  bool is_passed_on = false;
  for (;;) {
    if (InterruptGuard::is_requested() && !is_passed_on) {
      is_passed_on = true;
      for (const auto& [pid, started] : running) {
        InterruptGuard::pass_on(pid);
      }
    }
    while (!InterruptGuard::is_requested() && next < jobs.size() &&
           running.size() < num_at_a_time_) {
      const std::size_t index = next++;
      if (const std::optional<pid_t> pid = start(jobs[index])) {
        running[*pid] = {index, Clock::now()};
      } else {
        finished({index, -1, 0});
      }
    }
    if (running.empty()) {
      return;
    }
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    const auto found = running.find(pid);
    if (found == running.end()) {
      continue;  // an interrupt
    }
    const std::chrono::duration<double> time = Clock::now() - found->second.start;
    finished({found->second.index, WIFEXITED(status) ? WEXITSTATUS(status) : -1, time.count()});
    running.erase(found);
  }
}

}  // namespace nestwalk
