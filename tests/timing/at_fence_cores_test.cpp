// Invalidations from another core: one core changes shared tables and fences the structures of
// some or all cores, at every cycle of their walks.
#include <iostream>

#include "tests/timing/at_fence_setup.h"

namespace nestwalk {
namespace {

constexpr CachingMachine kMachine = {"combined_unified", PwcOrganisation::kUnified,
                                     PwcContent::kCombined, PwcSharing::kShared, true};

class AtFenceCores : public testing::TestWithParam<unsigned> {
 protected:
  AtFenceCores() : params_(fence_machine(kMachine, 2)), bench_(params_, GetParam()) {}

  FenceRun make_run(const FenceTables& tables) const {
    FenceRun run = fence_run(tables, 2, GetParam());
    run.accesses.resize(5);
    return run;
  }

  MachineParams params_;
  FenceBench bench_;
  FenceTotals totals_;
};

INSTANTIATE_TEST_SUITE_P(Cores, AtFenceCores, testing::Values(2U, 3U, 4U));

TEST_P(AtFenceCores, NothingOldOnAnyCoreAfterTheAcknowledgement) {
  std::uint64_t number = GetParam();
  for (const TableChange change : kTableChanges) {
    const FenceStages& stages = kFenceStages[1 + number++ % 2];
    if (GetParam() > 2 && number % 3 != GetParam() % 3) {
      continue;  // a third of the changes each, either kind of tables
    }
    const FenceTables tables = make_fence_tables(stages.stages, number % 3 != 0);
    const auto operations = fitting_operations(tables, is_host_change(change));
    FenceRun run = make_run(tables);
    const std::uint64_t last = bench_.run(run).cycles + 2;
    for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
      FenceShot shot = fence_shot(tables, change);
      shot.cycle = cycle;
      shot.is_late = cycle % 2 == 0;
      shot.invalidations = fence_operation(tables, operations[cycle / 2 % operations.size()]);
      shot.cores.clear();
      for (unsigned core = 0; core < GetParam(); ++core) {
        shot.cores.push_back(core);
      }
      run.shots = {shot};
      const FenceResult result = bench_.run(run);
      totals_.add(result);
      ASSERT_EQ(result.violation, "")
          << stages.name << ", " << kTableChangeNames[static_cast<unsigned>(change)] << " at cycle "
          << cycle;
    }
  }
  std::cout << totals_;
  EXPECT_GT(totals_.kills, GetParam() * totals_.runs / 2);
  EXPECT_GT(totals_.waits, totals_.runs / 10);
  EXPECT_LE(totals_.longest_wait, longest_fence(params_, fence_window(2)));
}

// The first core fences the second one alone: only walks there are killed.
TEST_P(AtFenceCores, Inv12OnlyTheCoreThatIsNamed) {
  const FenceTables tables = make_fence_tables(kFenceStages[1].stages, true);
  FenceRun run = make_run(tables);
  const std::uint64_t last = bench_.run(run).cycles + 2;
  const std::uint64_t before = bench_.walker(1).stats().kills;
  for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
    FenceShot shot;
    shot.cycle = cycle;
    shot.is_late = cycle % 2 == 0;
    shot.invalidations = fence_operation(tables, InvalidateOp::kInveptSingle);
    shot.cores = {1};
    run.shots = {shot};
    const FenceResult result = bench_.run(run);
    ASSERT_EQ(result.violation, "") << "at cycle " << cycle;
  }
  EXPECT_GT(bench_.walker(1).stats().kills, before + last / 2);
  for (unsigned core = 0; core < GetParam(); ++core) {
    EXPECT_TRUE(core == 1 || bench_.walker(core).stats().kills == 0) << core;
  }
}

}  // namespace
}  // namespace nestwalk
