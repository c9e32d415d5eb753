// The program with the RTL: everything that model/cli/main.cpp has, and the co-simulation.
#include <iostream>

#include "model/cli/program.h"
#include "model/sim/walker_models.h"
#include "model/tlm/leak_check.h"
#include "tb/area_command.h"
#include "tb/cosim_command.h"
#include "tb/rtl_walker.h"
#include "tb/walk_service_rtl.h"

// SystemC's library looks for the symbol; the program starts its simulations itself.
extern "C" int sc_main(int /*argc*/, char** /*argv*/) {
  return 1;
}

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  nestwalk::register_rtl_walker(nestwalk::make_rtl_walker);
  return nestwalk::run_program(
      argc, argv, {std::cin, std::cout, std::cerr},
      {.commands = {nestwalk::add_cosim_command, nestwalk::add_area_command},
       .walk_engines = nestwalk::rtl_walk_services()});
}
