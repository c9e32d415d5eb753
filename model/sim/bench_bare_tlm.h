// TLM-2.0 with nothing around it: the yardsticks of what goes through sockets. An initiator bound
// to a target that copies 8 bytes.
#pragma once

#include "model/sim/bench_case.h"

namespace nestwalk {

// b_transport with a quantum of 10 us and no other process.
[[nodiscard]] BenchFigures measure_bare_lt(const BenchSize& size);
// nb_transport in four phases, a payload-event queue on both sides.
[[nodiscard]] BenchFigures measure_bare_at(const BenchSize& size, unsigned num_outstanding);

}  // namespace nestwalk
