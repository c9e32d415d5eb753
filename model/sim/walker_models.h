// The models of the page walker that a platform can have: the TLM one, always, and the RTL if the
// program was linked with it.
//
//   register_rtl_walker(make_rtl_walker);            // in main: tb/rtl_walker.h
//   const std::unique_ptr<PageWalker> walker = make_walker({"walker0", params, queue, clock});
//
// The product knows the RTL by this function alone, so that it is built without Verilator.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/page_walker.h"

namespace nestwalk {

// Where a walker stands.
struct WalkerPlace {
  std::string name;
  const MachineParams& machine;
  EventQueue& queue;
  const ClockDomain& clock;
};

// Throws std::invalid_argument where the machine wants what the model cannot do, with the reason.
using WalkerFactory = std::function<std::unique_ptr<PageWalker>(const WalkerPlace&)>;

// For the whole program, before the first platform.
void register_rtl_walker(WalkerFactory make);

// As machine.walker.model says. Throws std::invalid_argument.
[[nodiscard]] std::unique_ptr<PageWalker> make_walker(const WalkerPlace& place);

}  // namespace nestwalk
