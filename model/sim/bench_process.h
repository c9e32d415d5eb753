// One measurement in a process of its own.
#pragma once

#include <optional>

#include "model/sim/bench_case.h"

namespace nestwalk {

// Nothing when the process could not be started or did not end as it should. An interrupt ends the
// process with the program.
[[nodiscard]] std::optional<BenchFigures> measure_in_process(const BenchCase& bench_case,
                                                             const BenchSize& size);

}  // namespace nestwalk
