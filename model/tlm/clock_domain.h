// The one clock. All latencies are integer cycles; only this class makes sc_time of them.
//
//   delay += clock.cycles(params.latency_cycles);
#pragma once

#include <array>
#include <cstdint>
#include <systemc>

namespace nestwalk {

class ClockDomain {
 public:
  // `mhz` above zero. The period is rounded to the simulator's time resolution (1 ps), so a time is
  // always a whole number of cycles.
  explicit ClockDomain(std::uint32_t mhz) : period_((1'000'000U + mhz / 2) / mhz) {
    for (std::uint64_t count = 0; count < short_times_.size(); ++count) {
      short_times_[count] = sc_core::sc_time::from_value(count * period_);
    }
  }

  [[nodiscard]] sc_core::sc_time cycles(std::uint64_t count) const {
    return count < short_times_.size() ? short_times_[count]
                                       : sc_core::sc_time::from_value(count * period_);
  }
  [[nodiscard]] std::uint64_t to_cycles(const sc_core::sc_time& time) const {
    // Most accesses take no time of their own; a division takes some.
    return time.value() == 0 ? 0 : time.value() / period_;
  }
  // The first cycle that does not begin before `time`.
  [[nodiscard]] std::uint64_t to_cycles_up(const sc_core::sc_time& time) const {
    return (time.value() + period_ - 1) / period_;
  }

 private:
  std::uint64_t period_;                           // in units of the simulator's resolution
  std::array<sc_core::sc_time, 256> short_times_;  // made once: sc_time is made by a library call
};

}  // namespace nestwalk
