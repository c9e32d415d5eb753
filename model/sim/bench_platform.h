// The measurements that run on the simulated machine.
#pragma once

#include "model/sim/bench_case.h"

namespace nestwalk {

[[nodiscard]] BenchFigures measure_platform(const BenchCase& bench_case, const BenchSize& size);

}  // namespace nestwalk
