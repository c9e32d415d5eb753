// `nestwalk experiment`: makes the runs that a question needs, prints a table and what it shows.
#pragma once

#include <string>
#include <vector>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct ExperimentOptions {
  std::string experiment;  // a file, or the name of one in configs/experiments
  std::vector<std::string> overrides;
  std::string out;  // empty: out/NNN-experiment-NAME
  bool force = false;
  bool json = false;
};

void add_experiment_command(CLI::App& program, CommandRunner& runner);

// The command after its options were read.
int run_experiment(const ExperimentOptions& options, const Streams& streams);

}  // namespace nestwalk
