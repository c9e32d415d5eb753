// `nestwalk trace`: what a trace file holds, and trace files made of others.
#pragma once

#include <string>

#include "model/cli/command.h"

namespace CLI {
class App;
}

namespace nestwalk {

void add_trace_command(CLI::App& program, CommandRunner& runner);

int run_trace_info(const std::string& path, const Streams& streams);

}  // namespace nestwalk
