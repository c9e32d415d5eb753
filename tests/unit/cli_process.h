// The program as a user starts it: arguments, a working folder, its output, its exit status and the
// most memory that it held.
//
//   const TempFolder folder;
//   const Ended ended = run_nestwalk({"run", "a.yaml"}, folder);
//   EXPECT_EQ(ended.status, 0) << ended.err;
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/workload_temp.h"

namespace nestwalk {

struct Ended {
  int status = -1;  // -1: by a signal
  std::string out;
  std::string err;
  std::uint64_t peak_memory_bytes = 0;
};

class NestwalkProcess {
 public:
  NestwalkProcess(std::vector<std::string> arguments, const TempFolder& folder,
                  const std::string& working_folder = "")
      : out_(folder.file("stdout")), err_(folder.file("stderr")) {
    arguments.insert(arguments.begin(), NESTWALK_PROGRAM);
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) {
      words.push_back(argument.data());
    }
    words.push_back(nullptr);
    const std::string start = folder.file(working_folder);
    pid_ = ::fork();
    if (pid_ == 0) {
      const bool is_ready = ::chdir(start.c_str()) == 0 && redirect("/dev/null", O_RDONLY, 0) &&
                            redirect(out_, O_WRONLY | O_CREAT | O_TRUNC, 1) &&
                            redirect(err_, O_WRONLY | O_CREAT | O_TRUNC, 2);
      if (is_ready) {
        ::execv(words.front(), words.data());
      }
      ::_exit(127);
    }
  }

  void signal(int number) const { ::kill(pid_, number); }

  Ended wait() const {
    Ended ended;
    int status = 0;
    rusage usage{};
    EXPECT_EQ(::wait4(pid_, &status, 0, &usage), pid_);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended.out = read_whole_file(out_);
    ended.err = read_whole_file(err_);
    ended.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return ended;
  }

 private:
  static bool redirect(const std::string& path, int flags, int to) {
    const int file = ::open(path.c_str(), flags, 0600);
    return file >= 0 && ::dup2(file, to) == to;
  }

  std::string out_;
  std::string err_;
  pid_t pid_ = -1;
};

inline Ended run_nestwalk(std::vector<std::string> arguments, const TempFolder& folder,
                          const std::string& working_folder = "") {
  return NestwalkProcess(std::move(arguments), folder, working_folder).wait();
}

// A run that ends at once.
inline constexpr const char* kTinyRun = R"(vms:
  - memory_bytes: 64 MiB
    processes:
      - workload: {kind: gups, footprint_bytes: 1 MiB, num_accesses: 2000}
)";

}  // namespace nestwalk
