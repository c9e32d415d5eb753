// The program: its command line, its subcommands, its exit status.
//
//   return run_program(argc, argv, {std::cin, std::cout, std::cerr});
//
// A test calls it with string streams.
#pragma once

#include <functional>
#include <vector>

#include "model/cli/command.h"
#include "model/sim/walk_service.h"

namespace CLI {
class App;
}

namespace nestwalk {

// What a program has besides the model: the bench adds what needs the RTL.
struct ProgramExtensions {
  std::vector<std::function<void(CLI::App&, CommandRunner&)>> commands;
  WalkServices walk_engines;
};

int run_program(int argc, const char* const* argv, const Streams& streams,
                const ProgramExtensions& extensions = {});

}  // namespace nestwalk
