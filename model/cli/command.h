// What every subcommand of the program shares: its streams, its exit status and how it is started.
#pragma once

#include <functional>
#include <iosfwd>

namespace nestwalk {

enum ExitStatus : int {
  kExitOk = 0,
  kExitCheckFailed = 1,
  kExitUsage = 2,  // wrong options or a wrong configuration
  kExitInput = 3,  // an input that is not what it should be
  kExitInterrupted = 130,
};

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

// A subcommand that the command line has chosen, with its options. Set by the callback of the
// subcommand, called by the program after the whole command line was understood.
using CommandRunner = std::function<int(const Streams&)>;

}  // namespace nestwalk
