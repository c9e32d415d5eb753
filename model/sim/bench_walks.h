// Walks and look-ups without SystemC: the reference engine, and the bare loops beside it.
#pragma once

#include "model/sim/bench_case.h"

namespace nestwalk {

// The walk engine over a sparse memory; kAhead tells the host of the walks to come.
[[nodiscard]] BenchFigures measure_reference(const BenchCase& bench_case, const BenchSize& size);
[[nodiscard]] BenchFigures measure_bare_walks(const BenchCase& bench_case, const BenchSize& size);
[[nodiscard]] BenchFigures measure_bare_tlb(const BenchCase& bench_case, const BenchSize& size);

}  // namespace nestwalk
