// A small 4-level guest for tests of single mechanisms of shadow paging: one root, tables at fixed
// frames, a direct map of all memory by 4K pages at the top half, and words to write entries with.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "model/memory/entry_builder.h"
#include "tests/support/shadow_bench.h"

namespace nestwalk::test {

inline constexpr std::uint64_t kGuestBytes = std::uint64_t{8} << 20;
inline constexpr Gpa kRoot{0x1000};
inline constexpr Gpa kLevel3{0x2000};
inline constexpr Gpa kLevel2{0x3000};
inline constexpr Gpa kLevel1{0x4000};
inline constexpr Gpa kOtherLevel1{0x5000};
inline constexpr Gpa kOtherRoot{0x6000};
inline constexpr Gpa kData{0x400000};  // and the pages behind it
inline constexpr Gva kPage{0x0};       // mapped by entry 0 of every table

inline std::uint64_t leaf(Gpa page, LeafFlags flags = {.accessed = true, .dirty = true}) {
  return make_leaf_entry(format_of(FormatId::kX86FourLevel), 1, page.value(), flags);
}
inline std::uint64_t large_leaf(Gpa page) {
  return make_leaf_entry(format_of(FormatId::kX86FourLevel), 2, page.value(),
                         {.accessed = true, .dirty = true});
}
inline std::uint64_t table(Gpa table) {
  return make_table_entry(format_of(FormatId::kX86FourLevel), 2, table.value(), {.accessed = true});
}
inline Gva direct(Gpa address) {
  return Gva(0xffff'8000'0000'0000 + address.value());
}

// kPage and the pages behind it map kData and those behind it, for user and kernel.
struct ShadowGuest : ShadowBench {
  explicit ShadowGuest(BenchOptions options = {}) : ShadowBench(with_memory(options)) {
    for (const Gpa root : {kRoot, kOtherRoot}) {
      write_physical(root, 8, table(kLevel3));
      write_physical(root + 256 * 8, 8, table(Gpa(0x10000)) & ~bit(x86::kUser));
    }
    write_physical(kLevel3, 8, table(kLevel2));
    write_physical(kLevel2, 8, table(kLevel1));
    for (unsigned i = 0; i < 8; ++i) {
      write_physical(kLevel1 + i * 8, 8, leaf(kData + i * 4096));
    }
    write_physical(Gpa(0x10000), 8, table(Gpa(0x11000)));
    for (unsigned i = 0; i < 4; ++i) {
      write_physical(Gpa(0x11000 + i * 8), 8, table(Gpa(0x12000 + i * 4096)));
      for (unsigned j = 0; j < 512; ++j) {
        write_physical(Gpa(0x12000 + i * 4096 + j * 8), 8,
                       leaf(Gpa((std::uint64_t{i} << 21) + j * 4096),
                            {.user = false, .accessed = true, .dirty = true}));
      }
    }
    for (unsigned number = 0; number < num_cpus(); ++number) {
      GuestRegisters registers = cpu(number).registers();
      registers.paging = true;
      registers.root = kRoot;
      cpu(number).write_control(registers);
    }
  }

  static BenchOptions with_memory(BenchOptions options) {
    options.vm.memory_bytes = kGuestBytes;
    return options;
  }

  // The kernel's store to an entry of a table, through its direct map.
  BenchResult set(Gpa entry, std::uint64_t value, unsigned number = 0) {
    return cpu(number).store(direct(entry), 8, value, Privilege::kSupervisor);
  }
  BenchResult read(Gva address, unsigned number = 0) {
    return cpu(number).load(address, 8, Privilege::kUser);
  }
  BenchResult write(Gva address, std::uint64_t value, unsigned number = 0) {
    return cpu(number).store(address, 8, value, Privilege::kUser);
  }
  [[nodiscard]] bool is_shadowed(Gpa frame) const { return vm().shadow.cache.is_shadowed(frame); }
};

inline BenchOptions options_of(ShadowSync sync) {
  BenchOptions options;
  options.vm.shadow.sync = sync;
  return options;
}

}  // namespace nestwalk::test
