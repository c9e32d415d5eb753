// What the fence tests of this folder share: machines, tables, one sweep over every cycle.
//
//   FenceBench bench(fence_machine(kCachingMachines[1], 2), 1);
//   FenceTotals totals;
//   sweep(bench, kFenceStages[0], options, totals);
//
// Not for random tables: see at_fence_random_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "tests/support/at_fence_bench.h"
#include "tests/support/at_fence_cases.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {

struct FenceStages {
  const char* name;
  StagePair stages;
};
inline const FenceStages kFenceStages[] = {
    {"native", {FormatId::kX86FourLevel, std::nullopt}},
    {"nested_ept", {FormatId::kX86FourLevel, FormatId::kEptFourLevel}},
    {"nested_npt", {FormatId::kX86FourLevel, FormatId::kX86FourLevel}},
    {"pae", {FormatId::kX86Pae, std::nullopt}},
    {"pae_over_ept", {FormatId::kX86Pae, FormatId::kEptFourLevel}},
};

struct FenceSetup {
  CachingMachine machine;
  unsigned slots;
  std::uint64_t number = 0;  // its place among the others
};
inline void PrintTo(const FenceSetup& setup, std::ostream* out) {
  *out << setup.machine.name << ", " << setup.slots << " slots";
}

// Latencies that leave a gap between every two steps of an access.
inline MachineParams fence_machine(const CachingMachine& machine, unsigned slots) {
  MachineParams params = machine_of(machine);
  params.timing = Timing::kAt;
  params.data_path = DataPath::kCaches;
  params.mmu.l1_itlb.latency_cycles = params.mmu.l1_dtlb.latency_cycles = 1;
  params.mmu.l2_tlb.latency_cycles = 2;
  params.mmu.miss_registers = 16;
  params.walker.slots = slots;
  return params;
}

// Enough to keep the slots busy.
inline unsigned fence_window(unsigned slots) {
  return slots == 1 ? 2 : slots == 2 ? 4 : 8;
}

struct FenceTotals {
  std::uint64_t runs = 0;
  std::uint64_t waits = 0;
  std::uint64_t longest_wait = 0;
  std::uint64_t kills = 0;
  std::uint64_t strict = 0;
  void add(const FenceResult& result) {
    ++runs;
    waits += result.num_waits;
    longest_wait = std::max(longest_wait, result.longest_wait);
    kills += result.kills;
    strict += result.num_strict;
  }
};
inline std::ostream& operator<<(std::ostream& out, const FenceTotals& t) {
  return out << t.runs << " runs, " << t.kills << " walks killed, " << t.waits
             << " acknowledgements waited up to " << t.longest_wait << " cycles, " << t.strict
             << " answers after them\n";
}

// The longest that an acknowledgement may take: every access under way has its translation and then
// waits in turn for the data port, and memory is as slow as it gets.
inline std::uint64_t longest_fence(const MachineParams& params, unsigned window) {
  const std::uint64_t lookups =
      params.mmu.l1_dtlb.latency_cycles + params.mmu.l2_tlb.latency_cycles;
  return lookups + FenceMemory::kMostCycles + window;
}

// A run over the tables that keeps the slots busy.
inline FenceRun fence_run(const FenceTables& tables, unsigned slots, std::uint64_t seed) {
  FenceRun run;
  run.context = run.context_after = tables.hand.context;
  run.memory = tables.hand.memory;
  run.accesses = tables.accesses();
  run.afterwards = tables.everything();
  run.window = fence_window(slots);
  run.seed = seed;
  return run;
}

inline FenceShot fence_shot(const FenceTables& tables, TableChange change, unsigned round = 0) {
  FenceShot shot;
  shot.edits = tables.edits(change, round);
  shot.moves_host_table = change == TableChange::kHostMoveEpt;
  return shot;
}

// One change and its operations, in turns or each of them, at every cycle from the first access to
// after the last answer. `number` varies latencies, A/D, what is warm, and the place in the cycle.
enum class Operations { kInTurns, kEach };
inline void sweep_cycles(FenceBench& bench, const FenceStages& stages, TableChange change,
                         unsigned slots, Operations how, std::uint64_t number,
                         FenceTotals& totals) {
  const FenceTables tables = make_fence_tables(stages.stages, number % 2 == 0);
  if (!tables.can(change)) {
    return;
  }
  const auto operations = fitting_operations(tables, is_host_change(change));
  FenceRun run = fence_run(tables, slots, number);
  if (number % 3 == 0) {
    run.warm = {{tables.pages[1]}, {tables.pages[4]}};
  }
  const std::uint64_t last = bench.run(run).cycles + 2;
  const std::uint64_t turns = how == Operations::kEach ? operations.size() : 1;
  for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      FenceShot shot = fence_shot(tables, change);
      shot.cycle = cycle;
      shot.is_late = (cycle + number + turn) % 2 == 0;
      const InvalidateOp op = operations[(cycle / 2 + turn) % operations.size()];
      shot.invalidations = fence_operation(tables, op);
      run.shots = {shot};
      const FenceResult result = bench.run(run);
      totals.add(result);
      ASSERT_EQ(result.violation, "")
          << stages.name << ", " << kTableChangeNames[static_cast<unsigned>(change)] << ", "
          << name_of(op) << " at cycle " << cycle << (shot.is_late ? " (late)" : "");
    }
  }
}

}  // namespace nestwalk
