// The program: its command line, its subcommands, its exit status.
//
//   return run_program(argc, argv, {std::cin, std::cout, std::cerr});
//
// A test calls it with string streams.
#pragma once

#include "model/cli/command.h"

namespace nestwalk {

int run_program(int argc, const char* const* argv, const Streams& streams);

}  // namespace nestwalk
