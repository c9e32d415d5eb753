// The splitmix64 generator: small, fast, the same on every machine. For workloads, random
// replacement and tests; not for cryptography.
//
//   SplitMix random(42);
//   random.draw();      // 64 bits
//   random.unit();      // [0, 1), 53 bits
#pragma once

#include <cstdint>

namespace nestwalk {

class SplitMix {
 public:
  constexpr explicit SplitMix(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t draw() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  constexpr double unit() { return static_cast<double>(draw() >> 11) * 0x1p-53; }

  friend constexpr bool operator==(SplitMix, SplitMix) = default;

 private:
  std::uint64_t state_;
};

}  // namespace nestwalk
