// `nestwalk record`: a program of this machine to a trace file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/cli/command.h"
#include "model/cli/output_file.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct RecordCommandOptions {
  std::string output;
  std::uint64_t max_accesses = 0;  // 0: no limit
  int compression_level = 12;
  Overwrite overwrite = Overwrite::kNo;
  bool only_first_process = false;
  std::vector<std::string> command;
};

void add_record_command(CLI::App& program, CommandRunner& runner);

int run_record(const RecordCommandOptions& options, const Streams& streams);

}  // namespace nestwalk
