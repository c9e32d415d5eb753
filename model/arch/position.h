// Where a walk stands. Statistics, waves, coverage and reports all use this pair.
#pragma once

#include <compare>
#include <cstdint>

namespace nestwalk {

enum class Stage : std::uint8_t {
  kGuest,  // GVA to GPA by the guest's tables (the only stage of a native walk)
  kHost,   // GPA to HPA: EPT or NPT
};

// g: guest level whose entry is wanted, 5 to 1; 0 is the data page.
// h: host level that is read to find it, 5 to 1; 0 is the guest entry itself.
// A cold 4x4 walk visits (4,4) (4,3) (4,2) (4,1) (4,0) (3,4) ... (1,0) (0,4) ... (0,1).
struct Position {
  std::uint8_t g = 0;
  std::uint8_t h = 0;
  friend constexpr auto operator<=>(Position, Position) = default;
};

}  // namespace nestwalk
