// Runs drawn at random from a seed: formats of both stages, page sizes, every caching structure
// from absent to ample, tags, paths, VMs, paging modes, processes and workloads; a few thousand
// accesses each, on one core.
//
//   const RunParams params = random_run(7);   // timing lt, nothing that only at knows
//   const RunParams overlapping = with_random_overlap(params, 7);
//
// Not for traces, several cores, or runs that end early.
#pragma once

#include <cstdint>

#include "model/params/run.h"

namespace nestwalk {

RunParams random_run(std::uint64_t seed);

// The same run with timing at and a random window, slots, registers, ports and queues.
RunParams with_random_overlap(RunParams params, std::uint64_t seed);

}  // namespace nestwalk
