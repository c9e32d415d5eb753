// The runs of a co-simulation cut into parts, each in a process of its own, a few at a time. What a
// part leaves in the results folder is not done again.
//
//   const bool all_passed = CosimParts(runs, folder, options, streams).run();
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "model/cli/command.h"
#include "model/cli/process_pool.h"
#include "tb/cosim_command.h"
#include "tb/cosim_list.h"
#include "tb/cosim_run.h"

namespace nestwalk {

class CosimParts {
 public:
  // Keeps references to all four.
  CosimParts(const std::vector<CosimEntryRun>& runs, const std::filesystem::path& folder,
             const CosimOptions& options, const Streams& streams);

  // Exit status. Writes junit.xml and cosim.json. Throws ResultsError and WalkerSetError.
  int run();

 private:
  struct Part {
    std::size_t run = 0;
    CaseRange cases;
    std::filesystem::path file;  // its result
  };
  struct State {
    std::size_t num_parts = 0;
    std::size_t num_ended = 0;
    CosimResult result;
    std::string crash;  // of a part that left no result
    [[nodiscard]] bool is_failed() const { return result.failure || !crash.empty(); }
  };

  void plan();
  [[nodiscard]] static std::string stem_of(const Part& part);
  void write_coverage() const;
  void forget_what_is_stale(std::size_t run);
  [[nodiscard]] std::filesystem::path folder_of(std::size_t run) const;
  [[nodiscard]] std::vector<std::string> words_of(std::size_t run, const CaseRange& cases) const;
  [[nodiscard]] std::string command_of(std::size_t run) const;
  void ended(const Part& part, int status);
  void report(std::size_t run);
  [[nodiscard]] unsigned num_jobs() const;
  void rerun_with_waves() const;
  void write_results() const;

  const std::vector<CosimEntryRun>& runs_;
  const std::filesystem::path& folder_;
  const CosimOptions& options_;
  const Streams& streams_;
  std::vector<Part> parts_;         // to do
  std::vector<std::string> stems_;  // of the files of all parts
  std::vector<State> states_;
  std::size_t name_width_ = 0;
};

}  // namespace nestwalk
