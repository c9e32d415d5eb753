// A program started with a pipe on one extra descriptor, its standard ones shared with ours.
//
//   ChildProcess child("valgrind", [](int fd) { return arguments_that_name(fd); });
//   child.read(buffer);      // 0 at the end
//   child.wait();            // the status of waitpid
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/workload/unique_fd.h"

namespace nestwalk {

class ChildProcess {
 public:
  // `arguments` is given the number of the descriptor that the program writes to. Throws
  // std::system_error; the code is no_such_file_or_directory when there is no such program.
  ChildProcess(const std::string& program,
               const std::function<std::vector<std::string>(int)>& arguments);
  ~ChildProcess();  // kills and reaps it if it was not waited for
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Nothing when a signal came in between; 0 at the end.
  [[nodiscard]] std::optional<std::size_t> read(std::span<char> out);
  // The text of /proc/PID/maps; empty when the process has ended.
  [[nodiscard]] std::string maps() const;
  void kill();
  int wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pipe_;
};

}  // namespace nestwalk
