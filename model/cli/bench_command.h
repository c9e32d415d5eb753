// `nestwalk bench`: how fast this program is on this machine, beside a loop without a model.
#pragma once

#include <string>
#include <vector>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct BenchOptions {
  bool is_quick = false;
  bool is_json = false;
  std::vector<std::string> names;  // of the measurements wanted; none: all
};

void add_bench_command(CLI::App& program, CommandRunner& runner);

int run_bench(const BenchOptions& options, const Streams& streams);

}  // namespace nestwalk
