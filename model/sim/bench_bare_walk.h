// A 4 x 4 walk with nothing around it: the yardstick of the benchmark. It checks that entries are
// present and whether they are large pages, and nothing else; no rights, no accessed or dirty bits,
// no time, no counters.
//
//   const BareWalk bare(memory, tables);
//   bare.translate(gva);    // the host-physical address, or kNotMapped
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/arch/bits.h"
#include "model/memory/sparse_memory.h"
#include "model/sim/bench_tables.h"

namespace nestwalk {

class BareWalk {
 public:
  static constexpr std::uint64_t kNotMapped = ~std::uint64_t{0};

  // Copies the tables into one flat array.
  BareWalk(const SparseMemory& memory, const BenchTables& tables)
      : words_(static_cast<std::size_t>(tables.table_bytes / 8)),
        guest_root_(tables.context.guest_root),
        host_root_(tables.context.host_root) {
    memory.read_bytes(Hpa(0), {reinterpret_cast<std::byte*>(words_.data()), words_.size() * 8});
  }

  [[nodiscard]] std::uint64_t translate(std::uint64_t gva) const {
    std::uint64_t table = guest_root_;
    for (unsigned low = 39;; low -= 9) {
      const std::uint64_t hpa = host(table | index_bytes(gva, low));
      if (hpa == kNotMapped) {
        return kNotMapped;
      }
      const std::uint64_t entry = word(hpa);
      if ((entry & kGuestPresent) == 0) {
        return kNotMapped;
      }
      table = entry & kAddress;
      if (low == 12 || (entry & kLarge) != 0) {
        return host(page(table, low) | (gva & mask(low - 1, 0)));
      }
    }
  }

 private:
  static constexpr std::uint64_t kGuestPresent = 1;
  static constexpr std::uint64_t kHostPresent = 7;
  static constexpr std::uint64_t kLarge = 0x80;
  static constexpr std::uint64_t kAddress = mask(51, 12);

  static constexpr std::uint64_t index_bytes(std::uint64_t address, unsigned low) {
    return (address >> low & 511) * 8;
  }
  static constexpr std::uint64_t page(std::uint64_t address, unsigned low) {
    return address & ~mask(low - 1, 0);
  }

  [[nodiscard]] std::uint64_t word(std::uint64_t hpa) const {
    return words_[static_cast<std::size_t>(hpa / 8)];
  }
  [[nodiscard]] std::uint64_t host(std::uint64_t gpa) const {
    std::uint64_t table = host_root_;
    for (unsigned low = 39;; low -= 9) {
      const std::uint64_t entry = word(table | index_bytes(gpa, low));
      if ((entry & kHostPresent) == 0) {
        return kNotMapped;
      }
      table = entry & kAddress;
      if (low == 12 || (entry & kLarge) != 0) {
        return page(table, low) | (gpa & mask(low - 1, 0));
      }
    }
  }

  std::vector<std::uint64_t> words_;
  std::uint64_t guest_root_;
  std::uint64_t host_root_;
};

}  // namespace nestwalk
