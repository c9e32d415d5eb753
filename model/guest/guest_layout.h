// Where a guest kernel of each paging format puts things: the end of user space and the direct map
// of guest memory (Linux's choices, Documentation/arch/x86/x86_64/mm.rst and the 3G/1G split).
//
//   const GuestLayout layout = guest_layout(FormatId::kX86FourLevel);
//   Gva word = layout.direct(gpa);
//
// Kernel text, stacks and per-CPU areas are not modelled: they are not accessed.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/paging_format.h"

namespace nestwalk {

struct GuestLayout {
  std::uint64_t user_end = 0;  // user space is [0, user_end)
  std::uint64_t direct_map_base = 0;
  std::uint64_t max_memory_bytes = 0;  // what the direct map has room for

  [[nodiscard]] constexpr Gva direct(Gpa address) const {
    return Gva(direct_map_base + address.value());
  }
};

constexpr GuestLayout guest_layout(FormatId format) {
  switch (format) {
    case FormatId::kX86FourLevel:
      return {bit(47) - bit(12), 0xffff888000000000, bit(46)};
    case FormatId::kX86FiveLevel:
      return {bit(56) - bit(12), 0xff11000000000000, bit(52)};
    default:  // 32-bit: the low memory of a 3G/1G split
      return {0xc0000000, 0xc0000000, std::uint64_t{896} << 20};
  }
}

}  // namespace nestwalk
