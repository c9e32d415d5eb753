// The result of a successful walk: what a TLB keeps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/rights.h"

namespace nestwalk {

inline constexpr std::uint8_t kNoPageBits = 64;  // the stage is absent: it splits nothing

struct Translation {
  Gpa gpa;
  Hpa hpa;
  std::uint8_t guest_page_bits = kNoPageBits;
  std::uint8_t host_page_bits = kNoPageBits;
  // Two bytes, so that no copy of this struct needs overlapping stores: reads of hpa would wait for
  // them.
  std::uint16_t protection_key = 0;
  bool dirty = false;   // no D bit in either stage stands in the way of a write
  bool global = false;  // G of the guest leaf
  GuestRights guest;
  HostRights host;

  // Bytes that share this translation: the smaller of both pages (4K when both stages are absent).
  [[nodiscard]] constexpr unsigned page_bits() const {
    const unsigned both = std::min(guest_page_bits, host_page_bits);
    return both == kNoPageBits ? 12U : both;
  }
  friend constexpr bool operator==(const Translation&, const Translation&) = default;
};

}  // namespace nestwalk
