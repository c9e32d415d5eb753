// The operands of a compare and swap, in whatever address space.
#pragma once

#include <cstdint>

namespace nestwalk {

struct Swap {
  unsigned bytes = 8;  // 4 or 8, naturally aligned
  std::uint64_t expected = 0;
  std::uint64_t desired = 0;
};

}  // namespace nestwalk
