// at_fence_test in full: ten makes of walk caches, 1, 2 and 16 slots, native, nested and PAE tables
// with A and D to be set or not in turns, and for every change each operation that fits at every
// cycle, before or after everything else in it.
#include <iostream>
#include <vector>

#include "tests/timing/at_fence_setup.h"

namespace nestwalk {
namespace {

std::vector<FenceSetup> all_setups() {
  std::vector<FenceSetup> setups;
  for (const CachingMachine& machine : kCachingMachines) {
    for (const unsigned slots : {1U, 2U, 16U}) {
      setups.push_back({machine, slots, setups.size()});
    }
  }
  return setups;
}

class AtFenceLong : public testing::TestWithParam<FenceSetup> {};

INSTANTIATE_TEST_SUITE_P(Machines, AtFenceLong, testing::ValuesIn(all_setups()));

TEST_P(AtFenceLong, Pwc01Inv04NothingOldAfterTheAcknowledgement) {
  const unsigned slots = GetParam().slots;
  const MachineParams params = fence_machine(GetParam().machine, slots);
  FenceBench bench(params, 1);
  FenceTotals totals;
  std::uint64_t number = 100 * GetParam().number;
  for (const FenceStages& stages : kFenceStages) {
    for (const TableChange change : kTableChanges) {
      sweep_cycles(bench, stages, change, slots, Operations::kEach, number++, totals);
      ASSERT_FALSE(HasFatalFailure());
    }
  }
  std::cout << totals;
  EXPECT_LE(totals.longest_wait, longest_fence(params, fence_window(slots)));
}

}  // namespace
}  // namespace nestwalk
