// Where a guest kernel of each paging format puts things: the end of user space, the direct map of
// guest memory and, in 32 bits, the window for the rest of it (Linux's choices,
// Documentation/arch/x86/x86_64/mm.rst, the 3G/1G split and its fixmap).
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
  std::uint64_t low_bytes = 0;         // what the direct map has room for
  std::uint64_t max_memory_bytes = 0;  // what the kernel can use
  // Where pages behind low_bytes are mapped for the time of a copy: two for each CPU, by one table
  // of level 1 that every process has. 0: there are none.
  std::uint64_t window_base = 0;

  [[nodiscard]] constexpr Gva direct(Gpa address) const {
    return Gva(direct_map_base + address.value());
  }
  [[nodiscard]] constexpr Gva window(unsigned cpu, unsigned number) const {
    return Gva(window_base + ((2 * cpu + number) << kSmallPageBits));
  }
};

constexpr GuestLayout guest_layout(FormatId format) {
  constexpr std::uint64_t kLow32 = std::uint64_t{896} << 20;  // of a 3G/1G split
  switch (format) {
    case FormatId::kX86FourLevel:
      return {bit(47) - bit(12), 0xffff888000000000, bit(46), bit(46), 0};
    case FormatId::kX86FiveLevel:
      return {bit(56) - bit(12), 0xff11000000000000, bit(52), bit(52), 0};
    case FormatId::kX86Pae:
      return {0xc0000000, 0xc0000000, kLow32, bit(36), 0xffe00000};
    default:
      return {0xc0000000, 0xc0000000, kLow32, bit(32), 0xffc00000};
  }
}

}  // namespace nestwalk
