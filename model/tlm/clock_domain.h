// The one clock. All latencies are integer cycles; only this class makes sc_time of them.
//
//   delay += clock.cycles(params.latency_cycles);
#pragma once

#include <cstdint>
#include <systemc>

namespace nestwalk {

class ClockDomain {
 public:
  // `mhz` above zero. The period is rounded to the simulator's time resolution (1 ps), so a time is
  // always a whole number of cycles.
  explicit ClockDomain(std::uint32_t mhz)
      : period_(sc_core::sc_time::from_value((1'000'000U + mhz / 2) / mhz).value()) {}

  [[nodiscard]] sc_core::sc_time cycles(std::uint64_t count) const {
    return sc_core::sc_time::from_value(count * period_);
  }
  [[nodiscard]] std::uint64_t to_cycles(const sc_core::sc_time& time) const {
    return time.value() / period_;
  }

 private:
  std::uint64_t period_;
};

}  // namespace nestwalk
