// The TLM engine of `nestwalk walk`: every request goes through the socket of one elaborated
// platform without caches and TLBs, and `references` is what passed its walker's memory port.
//
//   const std::unique_ptr<WalkService> service = make_tlm_walk_service();
//
// One per process, as every platform.
#pragma once

#include <memory>

#include "model/sim/walk_service.h"

namespace nestwalk {

[[nodiscard]] std::unique_ptr<WalkService> make_tlm_walk_service();

}  // namespace nestwalk
