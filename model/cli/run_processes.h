// Several simulations at once, each in a process of its own: SystemC has one simulation a process.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/cli/command.h"
#include "model/cli/progress.h"
#include "model/sim/run.h"

namespace nestwalk {

struct RunProcess {
  std::string name;
  // Runs in the child with the hooks it is given; returns the exit status.
  std::function<int(const RunHooks&)> body;
};

// Starts all of them, shows their progress together, waits for all. Returns the worst status: an
// error before an interrupt before success.
int run_processes(const std::vector<RunProcess>& processes, ProgressLine& line,
                  const Streams& streams);

}  // namespace nestwalk
