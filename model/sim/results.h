// The folder of one run: stats.json, stats.txt and config.yaml, which repeats the run; with
// stats_every_accesses, intervals.jsonl as well, and with VMs that may switch decisions.json.
//
//   const std::filesystem::path folder = create_results_folder({}, "quickstart");
//   write_results(folder, params, run, result);
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "model/params/run.h"
#include "model/sim/run.h"

namespace nestwalk {

// The folder cannot be made or must not be overwritten; what() says which and what to do.
class ResultsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ResultsChoice {
  std::string chosen;          // by the user; empty: out/NNN-name, NNN the next free number
  bool may_overwrite = false;  // an existing folder may be used again
};

// Makes the folder. Throws ResultsError.
[[nodiscard]] std::filesystem::path create_results_folder(const ResultsChoice& choice,
                                                          const std::string& name);

// Equal runs give equal bytes: nothing of the time, the place or the machine is written. Throws
// ResultsError.
void write_results(const std::filesystem::path& folder, const RunParams& params, const Run& run,
                   const RunResult& result);

// intervals.jsonl: a line for each interval, written as soon as it is over.
class IntervalFile {
 public:
  // Makes the file; or takes that of another run away if this run has no intervals.
  IntervalFile(const std::filesystem::path& folder, const RunParams& params);
  void append(const RunInterval& interval);
  // Throws ResultsError if a line could not be written.
  void close();

 private:
  std::filesystem::path path_;
  bool is_on_;
  std::ofstream file_;
};

}  // namespace nestwalk
