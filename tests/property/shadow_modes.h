// Random guests, run side by side natively, over nested and over shadow tables: the same accesses,
// the same edits of page tables that map one another, and the flushes that the manual asks for.
// Outcomes, guest memory and the guest's accessed and dirty bits must be the same after each step,
// and the audit must find nothing.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "model/arch/splitmix.h"
#include "model/memory/entry_builder.h"
#include "tests/support/shadow_bench.h"

namespace nestwalk {

// Guest memory: kernel tables and a direct map of all memory above them, then the pool of tables
// and data that the test plays with.
struct RandomGuest {
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{8} << 20;
  static constexpr std::uint64_t kKernelTables = 0x10000;
  static constexpr std::uint64_t kPdpts = 0x8000;
  static constexpr std::uint64_t kPool = 0x100000;
  static constexpr unsigned kNumRoots = 3;
  static constexpr unsigned kTablesPerLevel = 2;
  static constexpr unsigned kNumData = 8;

  explicit RandomGuest(FormatId id) : format(format_of(id)) {
    std::uint64_t next = kPool;
    for (unsigned i = 0; i < kNumRoots; ++i, next += 4096) {
      // PDPTEs must be valid at a load of CR3: no address of the test reaches those of PAE.
      tables[format.levels].push_back(format.levels == 3 ? Gpa(kPdpts + i * 4096) : Gpa(next));
    }
    for (unsigned level = format.levels - 1U; level >= 1; --level) {
      for (unsigned i = 0; i < kTablesPerLevel; ++i, next += 4096) {
        tables[level].push_back(Gpa(next));
      }
    }
    for (unsigned i = 0; i < kNumData; ++i, next += 4096) {
      data.push_back(Gpa(next));
    }
    pool_end = next;
  }

  // The top quarter (32-bit) or half of the address space.
  [[nodiscard]] std::uint64_t direct_base() const {
    return format.input_bits == 32 ? 0xc0000000 : ~mask(format.input_bits - 2U, 0);
  }
  [[nodiscard]] Gva direct(Gpa address) const { return Gva(direct_base() + address.value()); }
  [[nodiscard]] Gpa kernel_table(unsigned level) const {
    return Gpa(kKernelTables + level * std::uint64_t{4096});
  }

  // Tables of the direct map, and its entry in every root.
  void boot(ShadowBench& bench, bool large) const {
    const unsigned leaf = large ? 2 : 1;
    const auto write = [&](Gpa table, unsigned level, std::uint64_t address, std::uint64_t entry) {
      bench.write_physical(table + format.index(level, address) * format.entry_bytes,
                           format.entry_bytes, entry);
    };
    Gpa next_leaf_table(kKernelTables + 0x8000);
    for (unsigned level = format.levels; level > leaf; --level) {
      const std::uint64_t address = direct_base();
      if (level == format.levels) {
        for (const Gpa root : tables[level]) {
          for (std::uint64_t at = 0; level == 2 && at < kMemoryBytes;
               at += bit(format.page_bits(2))) {
            write(root, 2, address + at,
                  make_table_entry(format, 2, next_leaf_table.value() + (at >> 10 & ~mask(11, 0)),
                                   {.user = false, .accessed = true}));
          }
          if (level != 2) {
            write(root, level, address,
                  make_table_entry(format, level, kernel_table(level - 1).value(),
                                   {.user = false, .accessed = true}));
          }
        }
      } else if (level > 2) {
        write(kernel_table(level), level, address,
              make_table_entry(format, level, kernel_table(level - 1).value(),
                               {.user = false, .accessed = true}));
      } else {
        for (std::uint64_t at = 0; at < kMemoryBytes; at += bit(21)) {
          write(kernel_table(2), 2, address + at,
                make_table_entry(format, 2, next_leaf_table.value() + (at >> 21 << 12),
                                 {.user = false, .accessed = true}));
        }
      }
    }
    for (std::uint64_t at = 0; at < kMemoryBytes; at += bit(format.page_bits(leaf))) {
      const std::uint64_t entry = make_leaf_entry(
          format, leaf, at, {.user = false, .execute = false, .accessed = true, .dirty = true});
      if (leaf == 2 && format.levels == 2) {
        for (const Gpa root : tables[2]) {
          write(root, 2, direct_base() + at, entry);
        }
      } else if (leaf == 2) {
        write(kernel_table(2), 2, direct_base() + at, entry);
      } else {
        const unsigned span = format.table_span_bits(1);
        write(next_leaf_table + (at >> span << 12), 1, direct_base() + at, entry);
      }
    }
  }

  const PagingFormat& format;
  std::array<std::vector<Gpa>, kMaxLevels + 1> tables;
  std::vector<Gpa> data;
  std::uint64_t pool_end = 0;
};

}  // namespace nestwalk
