// Draws for random stimulus, from the generator that the model uses: the same numbers on every
// machine.
#pragma once

#include <cstdint>

#include "model/arch/splitmix.h"

namespace nestwalk {

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : source_(seed) {}

  std::uint64_t next() { return source_.draw(); }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool percent(std::uint64_t probability) { return below(100) < probability; }

 private:
  SplitMix source_;
};

}  // namespace nestwalk
