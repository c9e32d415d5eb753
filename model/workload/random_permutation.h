// A random-looking permutation of 0 to n-1 that takes no table, in both directions.
//
//   const RandomPermutation order(1'000'000, seed);
//   order.at(17);                       // any of them, each once
//   order.index_of(order.at(17));       // 17
//
// Rounds of add, multiply by an odd number and fold the high half into the low one, each a
// bijection of k bits, where 2^k is the next power of two; what falls beyond n goes round again
// (cycle walking), so once more at worst on average. Not for cryptography.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "model/arch/check.h"
#include "model/arch/splitmix.h"

namespace nestwalk {

class RandomPermutation {
 public:
  constexpr RandomPermutation(std::uint64_t size, std::uint64_t seed)
      : size_(size),
        mask_(std::bit_ceil(size) - 1),
        fold_((static_cast<unsigned>(std::bit_width(mask_)) + 1) / 2) {
    fatal_unless(size > 0 && size <= std::uint64_t{1} << 62, "a permutation has elements");
    SplitMix random(seed);
    for (Round& round : rounds_) {
      round.addend = random.draw();
      round.factor = random.draw() | 1;
      round.inverse = inverse_of(round.factor);
    }
  }

  [[nodiscard]] constexpr std::uint64_t size() const { return size_; }

  [[nodiscard]] constexpr std::uint64_t at(std::uint64_t index) const {
    do {
      for (const Round& round : rounds_) {
        index = (index + round.addend) * round.factor & mask_;
        index ^= index >> fold_;
      }
    } while (index >= size_);
    return index;
  }

  [[nodiscard]] constexpr std::uint64_t index_of(std::uint64_t value) const {
    do {
      for (auto round = rounds_.rbegin(); round != rounds_.rend(); ++round) {
        value ^= value >> fold_;  // its own inverse: it folds half of the bits or fewer
        value = (value * round->inverse - round->addend) & mask_;
      }
    } while (value >= size_);
    return value;
  }

 private:
  struct Round {
    std::uint64_t addend = 0;
    std::uint64_t factor = 1;
    std::uint64_t inverse = 1;  // factor * inverse = 1 modulo 2^64
  };

  // Newton's iteration; each step doubles the bits that are right, from 3.
  static constexpr std::uint64_t inverse_of(std::uint64_t odd) {
    std::uint64_t inverse = odd;
    for (int step = 0; step < 5; ++step) {
      inverse *= 2 - odd * inverse;
    }
    return inverse;
  }

  std::uint64_t size_;
  std::uint64_t mask_;
  unsigned fold_;
  std::array<Round, 3> rounds_;
};

}  // namespace nestwalk
