// Bit arithmetic on raw words, each helper once.
#pragma once

#include <cstdint>

namespace nestwalk {

constexpr std::uint64_t bit(unsigned position) {
  return std::uint64_t{1} << position;
}

// Ones in [high:low], both included; zero when high < low.
constexpr std::uint64_t mask(unsigned high, unsigned low) {
  if (high < low) {
    return 0;
  }
  const std::uint64_t upto = high >= 63 ? ~std::uint64_t{0} : bit(high + 1) - 1;
  return upto & ~(bit(low) - 1);
}

constexpr std::uint64_t field(std::uint64_t word, unsigned low, unsigned width) {
  return (word >> low) & (bit(width) - 1);
}

}  // namespace nestwalk
