// A 4-level guest of a few pages, under nested paging at first, whose kernel maps its own tables.
//
//   SwitchGuest guest(with(SwitchFlush::kNone));
//   guest.store(kPage, 1);
//   guest.bench.switch_paging(Paging::kShadow);
//   guest.map(kPage, 0x11000);          // a store of the kernel into its table
#pragma once

#include <gtest/gtest.h>

#include "tests/support/shadow_bench.h"

namespace nestwalk {

inline constexpr std::uint64_t kTable = 0x7;  // present, writable, user
inline constexpr Gva kPage{0x5000};
inline constexpr Gva kTables{0x200000};  // the guest's tables, as its kernel maps them

inline SwitchingParams with(InactiveShadow inactive) {
  SwitchingParams p;
  p.inactive = inactive;
  return p;
}
inline SwitchingParams with(TableProtection protection) {
  SwitchingParams p;
  p.protection = protection;
  return p;
}
inline SwitchingParams with(SwitchFlush flush) {
  SwitchingParams p;
  p.flush = flush;
  return p;
}

struct SwitchGuest {
  explicit SwitchGuest(const SwitchingParams& switching = {}, bool vpid = true,
                       unsigned num_cpus = 1)
      : bench(options(switching, vpid, num_cpus)) {
    bench.write_physical(Gpa{0x1000}, 8, 0x2000 | kTable);
    bench.write_physical(Gpa{0x2000}, 8, 0x3000 | kTable);
    bench.write_physical(Gpa{0x3000}, 8, 0x4000 | kTable);
    bench.write_physical(Gpa{0x3008}, 8, 0x6000 | kTable);
    bench.write_physical(Gpa{0x4000 + 5 * 8}, 8, 0x10000 | kTable);
    for (std::uint64_t i = 0; i < 16; ++i) {  // the first 64 KiB at kTables
      bench.write_physical(Gpa{0x6000 + i * 8}, 8, (i << 12) | kTable);
    }
    for (unsigned i = 0; i < num_cpus; ++i) {
      GuestRegisters registers = bench.cpu(i).registers();
      registers.paging = true;
      registers.root = Gpa{0x1000};
      bench.cpu(i).write_control(registers);
    }
  }
  static BenchOptions options(const SwitchingParams& switching, bool vpid, unsigned num_cpus) {
    BenchOptions options;
    options.mode = BenchMode::kNested;
    options.num_cpus = num_cpus;
    options.vm.memory_bytes = std::uint64_t{16} << 20;
    options.vm.vpid = vpid;
    options.vm.switching = switching;
    return options;
  }
  std::uint64_t load(Gva address) {
    const BenchResult result = bench.cpu().load(address, 8, Privilege::kSupervisor);
    EXPECT_FALSE(result.is_fault);
    return result.value;
  }
  void store(Gva address, std::uint64_t value) {
    EXPECT_FALSE(bench.cpu().store(address, 8, value, Privilege::kSupervisor).is_fault);
  }
  // By the guest's kernel.
  void map(Gva page, std::uint64_t frame) {
    store(kTables + 0x4000 + (page.value() >> 12) * 8, frame | kTable);
  }
  std::uint64_t entry(Gva page) const {
    return bench.read_physical(Gpa{0x4000 + (page.value() >> 12) * 8}, 8);
  }
  ShadowBench bench;
};

}  // namespace nestwalk
