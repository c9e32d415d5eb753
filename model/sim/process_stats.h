// What the core, its Mmu and its walker counted while one process was current, its kernel's work
// included: the differences of the modules' counters between two points.
#pragma once

#include <cstdint>

#include "model/observe/statistics.h"
#include "model/sim/platform.h"

namespace nestwalk {

struct ProcessStats {
  std::uint64_t instructions = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t fetches = 0;
  std::uint64_t cycles = 0;
  std::uint64_t translations = 0;
  std::uint64_t l1_tlb_misses = 0;
  std::uint64_t l2_tlb_misses = 0;
  std::uint64_t walks = 0;
  std::uint64_t references = 0;
  std::uint64_t updates = 0;
  std::uint64_t walk_cycles = 0;
  PositionCounts positions{};

  // The counters of a core as they stand now.
  [[nodiscard]] static ProcessStats of(Platform& platform, unsigned core);
  ProcessStats& operator+=(const ProcessStats& other);
  [[nodiscard]] ProcessStats since(const ProcessStats& before) const;

  void register_stats(StatGroup& group) const;
};

}  // namespace nestwalk
