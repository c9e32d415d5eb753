// `nestwalk regress`: every run of a regression list, each in a process of its own, with a line for
// each and a JUnit file.
#pragma once

#include <cstdint>
#include <string>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct RegressOptions {
  std::string list;
  std::string only;        // runs whose name contains it; empty: all
  std::string out;         // empty: out/NNN-regress-LIST
  std::uint32_t jobs = 0;  // 0: as many as processors
  bool force = false;
};

void add_regress_command(CLI::App& program, CommandRunner& runner);

// The command after its options were read.
int run_regress(const RegressOptions& options, const Streams& streams);

}  // namespace nestwalk
