#include "model/sim/process_stats.h"

#include <array>
#include <cstddef>

namespace nestwalk {

namespace {

struct Counter {
  const char* name;
  std::uint64_t ProcessStats::*member;
  const char* unit;
  const char* text;
};

constexpr std::array<Counter, 12> kCounters = {{
    {"instructions", &ProcessStats::instructions, "count", "Instructions retired."},
    {"reads", &ProcessStats::reads, "count", "Loads."},
    {"writes", &ProcessStats::writes, "count", "Stores."},
    {"fetches", &ProcessStats::fetches, "count", "Instruction fetches."},
    {"cycles", &ProcessStats::cycles, "cycles", "Time while this process was current."},
    {"translations", &ProcessStats::translations, "count",
     "Translations asked for, by the process and by the kernel for it."},
    {"l1_tlb_misses", &ProcessStats::l1_tlb_misses, "count", "First-level TLB misses."},
    {"l2_tlb_misses", &ProcessStats::l2_tlb_misses, "count", "Second-level TLB misses."},
    {"walks", &ProcessStats::walks, "count", "Page walks."},
    {"references", &ProcessStats::references, "count", "Table entries read from memory."},
    {"updates", &ProcessStats::updates, "count", "Accessed and dirty updates made."},
    {"walk_cycles", &ProcessStats::walk_cycles, "cycles", "Time of its walks."},
}};

}  // namespace

ProcessStats ProcessStats::of(Platform& platform, unsigned core) {
  const CoreStats& c = platform.core(core).stats();
  const Mmu& mmu = platform.mmu(core);
  const WalkerStats& w = platform.walker(core).stats();
  ProcessStats s;
  s.instructions = c.instructions;
  s.reads = c.reads;
  s.writes = c.writes;
  s.fetches = c.fetches;
  s.cycles = platform.core(core).now_cycles();
  s.translations = mmu.stats().translations;
  s.l1_tlb_misses = mmu.tlbs().first_level().misses;
  s.l2_tlb_misses = mmu.tlbs().second_level().misses;
  s.walks = w.walks;
  s.references = w.references;
  s.updates = w.updates;
  s.walk_cycles = w.cycles;
  s.positions = w.positions;
  return s;
}

ProcessStats& ProcessStats::operator+=(const ProcessStats& other) {
  for (const Counter& c : kCounters) {
    this->*c.member += other.*c.member;
  }
  for (std::size_t g = 0; g < positions.size(); ++g) {
    for (std::size_t h = 0; h < positions[g].size(); ++h) {
      positions[g][h] += other.positions[g][h];
    }
  }
  return *this;
}

ProcessStats ProcessStats::since(const ProcessStats& before) const {
  ProcessStats difference = *this;
  for (const Counter& c : kCounters) {
    difference.*c.member -= before.*c.member;
  }
  for (std::size_t g = 0; g < positions.size(); ++g) {
    for (std::size_t h = 0; h < positions[g].size(); ++h) {
      difference.positions[g][h] -= before.positions[g][h];
    }
  }
  return difference;
}

void ProcessStats::register_stats(StatGroup& group) const {
  for (const Counter& c : kCounters) {
    group.counter(c.name, &(this->*c.member), c.unit, c.text);
  }
  group.derived(
      "references_per_walk", [this] { return ratio(references, walks); }, "references/walk",
      "Table entries read from memory for each walk.");
  group.derived(
      "cycles_per_instruction", [this] { return ratio(cycles, instructions); },
      "cycles/instruction", "All its cycles over its instructions.");
  group.positions("positions", &positions, "count",
                  "References by position: guest level g, host level h.");
}

}  // namespace nestwalk
