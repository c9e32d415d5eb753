// Runs programs, a few at a time, each with its output in a file.
//
//   ProcessPool pool(4);
//   pool.run(jobs, [](const FinishedJob& job) { ... });
//
// Not for: simulations of one comparison, which report their progress: see run_processes.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace nestwalk {

struct Job {
  std::vector<std::string> words;  // the program's path first
  std::filesystem::path log;       // standard output and error
};

struct FinishedJob {
  std::size_t index = 0;  // in the list of jobs
  int status = -1;        // exit status; -1: ended by a signal, or could not be started
  double seconds = 0;
};

class ProcessPool {
 public:
  explicit ProcessPool(unsigned num_at_a_time) : num_at_a_time_(num_at_a_time) {}

  // Returns when all have ended; after an interrupt (InterruptGuard) no new one is started.
  void run(const std::vector<Job>& jobs, const std::function<void(const FinishedJob&)>& finished);

 private:
  unsigned num_at_a_time_;
};

}  // namespace nestwalk
