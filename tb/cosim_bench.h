// How fast a co-simulation is, beside the verilated walker alone: the same cases, with everything
// beside the RTL and with a minimal loop that puts the recorded stimulus on the pins.
//
//   const CosimSpeed speed = measure_cosim(params);
//   cosim_bench_text("four-slots", speed);
//
// Processor time, the best of a few rounds. Cases have no reset in their middle.
#pragma once

#include <cstdint>
#include <string>

#include "model/params/cosim.h"

namespace nestwalk {

struct CosimSpeed {
  std::uint64_t num_walks = 0;
  std::uint64_t num_cycles = 0;
  double cosim_seconds = 0;
  double bare_seconds = 0;
};

// At most so many walks, as the stimulus is kept in memory.
inline constexpr std::uint64_t kMaxBenchWalks = 20000;

[[nodiscard]] CosimSpeed measure_cosim(const CosimParams& params);
[[nodiscard]] std::string cosim_bench_text(const std::string& name, const CosimSpeed& speed);

}  // namespace nestwalk
