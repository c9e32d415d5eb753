// `nestwalk run`: a configuration file to a results folder and a summary.
#pragma once

#include <string>
#include <vector>

#include "model/cli/command.h"
#include "model/cli/wave_options.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct RunOptions {
  std::string config;                  // a path, or "-"
  std::vector<std::string> overrides;  // path=value
  std::string mode;                    // empty: as configured
  std::string compare;                 // empty: as configured
  std::string warmup;                  // accesses; empty: as configured, as are the next two
  std::string measure;
  std::string stats_every;
  std::string out;  // empty: out/NNN-name
  bool force = false;
  std::string log;  // empty: none
  std::uint64_t log_limit = 1'000'000;
  WaveOptions wave;
};

void add_run_command(CLI::App& program, CommandRunner& runner);

// The command after its options were read.
int run_run(const RunOptions& options, const Streams& streams);

}  // namespace nestwalk
