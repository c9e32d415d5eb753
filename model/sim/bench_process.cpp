#include "model/sim/bench_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <type_traits>

namespace nestwalk {

namespace {

// Small enough for a pipe to take in one piece.
static_assert(std::is_trivially_copyable_v<BenchFigures> && sizeof(BenchFigures) < 4096);

[[noreturn]] void run_child(const BenchCase& bench_case, const BenchSize& size, int pipe) {
  const BenchFigures figures = measure(bench_case, size);
  const bool is_sent = write(pipe, &figures, sizeof figures) == sizeof figures;
  _exit(is_sent ? 0 : 1);
}

bool ended_well(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

std::optional<BenchFigures> measure_in_process(const BenchCase& bench_case, const BenchSize& size) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    return std::nullopt;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    run_child(bench_case, size, ends[1]);
  }
  close(ends[1]);
  BenchFigures figures;
  const bool is_read = pid > 0 && read(ends[0], &figures, sizeof figures) == sizeof figures;
  close(ends[0]);
  const bool is_well = pid > 0 && ended_well(pid);
  return is_read && is_well ? std::optional(figures) : std::nullopt;
}

}  // namespace nestwalk
