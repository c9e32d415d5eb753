// The RTL engine of `nestwalk walk`: every request is walked by a verilated walker that has been
// emptied before, and `references` is what passed its read port.
//
//   const std::unique_ptr<WalkService> service = make_rtl_walk_service("one_slot");
//
// Only what the hardware did is answered. What it does not do (agile walks), or does otherwise by
// intent (a cache spares reads), is `unsupported`, with the reason. The registers of a PAE guest
// are loaded before the walk, as software does it.
#pragma once

#include <memory>
#include <string_view>

#include "model/sim/walk_service.h"

namespace nestwalk {

// Throws WalkerSetError.
[[nodiscard]] std::unique_ptr<WalkService> make_rtl_walk_service(std::string_view set);

// `rtl`, one walk at a time without caches, and `rtl:NAME` for every set of tb/walker_set.h.
[[nodiscard]] WalkServices rtl_walk_services();

}  // namespace nestwalk
