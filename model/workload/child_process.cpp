#include "model/workload/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace nestwalk {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

ChildProcess::ChildProcess(const std::string& program,
                           const std::function<std::vector<std::string>(int)>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    fail(errno, "pipe");
  }
  pipe_ = UniqueFd(ends[0]);
  const UniqueFd write_end(ends[1]);

  std::vector<std::string> words = arguments(write_end.get());
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Onto itself: the descriptor stays open in the child.
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), write_end.get());
  const int error = ::posix_spawnp(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    fail(error, program);
  }
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill();
    wait();
  }
}

std::optional<std::size_t> ChildProcess::read(std::span<char> out) {
  const ssize_t got = ::read(pipe_.get(), out.data(), out.size());
  if (got < 0) {
    if (errno != EINTR) {
      fail(errno, "read from the pipe");
    }
    return std::nullopt;
  }
  return static_cast<std::size_t>(got);
}

std::string ChildProcess::maps() const {
  std::ifstream file(fmt::format("/proc/{}/maps", pid_));
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void ChildProcess::kill() {
  ::kill(pid_, SIGKILL);
}

int ChildProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

}  // namespace nestwalk
