// `nestwalk area`: cells and flip-flops of sets of RTL parameters, by Yosys.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct AreaOptions {
  // Names of sets (tb/walker_set.h) or lists like Slots=4,NtlbEntries=8; none: every named set.
  std::vector<std::string> sets;
  std::string module = "nested_walker";
  bool is_json = false;
  bool lists_modules = false;
  unsigned jobs = 0;          // at a time; 0: as many as there are processors
  std::string yosys;          // the program; empty: the one in PATH
  std::filesystem::path rtl;  // empty: that of the sources this program is built of
};

void add_area_command(CLI::App& program, CommandRunner& runner);

int run_area(const AreaOptions& options, const Streams& streams);

}  // namespace nestwalk
