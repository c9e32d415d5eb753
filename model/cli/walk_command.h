// `nestwalk walk`: page walks of requests or of a page-table image.
#pragma once

#include <string>

#include "model/cli/command.h"
#include "model/sim/walk_service.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct WalkOptions {
  std::string requests;  // a path, or "-"
  std::string engine = "reference";
  bool explain = false;
  std::string snapshot;  // a folder
  bool json = false;
  bool all = false;
  std::string address;    // empty: every leaf
  std::string type;       // read
  std::string privilege;  // supervisor
  // Registers of the image, over those of its snapshot.json.
  std::string guest_format;
  std::string gcr3;
  std::string host_format;
  std::string ncr3;
};

// Adds the subcommand; `runner` is set when it is chosen. The engine named "reference" must be
// among `engines`.
void add_walk_command(CLI::App& program, CommandRunner& runner, const WalkServices& engines);

// The command after its options were read.
int run_walk(const WalkOptions& options, const WalkServices& engines, const Streams& streams);

}  // namespace nestwalk
