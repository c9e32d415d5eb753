// An invalidation at every cycle of walks under way: after its acknowledgement no access is
// answered, no structure filled, no A or D bit written from what the tables said before (bugs
// PWC-01, INV-04, CON-01 of other MMUs, and what follows from them). Each machine over native,
// nested and PAE tables, each change of an entry that a walk can meet; the operations that fit take
// turns. The full product of changes and operations: at_fence_long_test.cpp.
#include <iostream>

#include "tests/timing/at_fence_setup.h"

namespace nestwalk {
namespace {

constexpr CachingMachine kMachines[] = {
    {"combined_ntlb", PwcOrganisation::kPerLevel, PwcContent::kCombined, PwcSharing::kSplit, true},
    {"guest_address", PwcOrganisation::kPerLevel, PwcContent::kGuestAddress, PwcSharing::kShared,
     false},
    {"words_2d", PwcOrganisation::kPhysical2d, PwcContent::kCombined, PwcSharing::kShared, true},
};
const FenceSetup kSetups[] = {
    {kMachines[0], 1, 0}, {kMachines[0], 2, 1}, {kMachines[0], 16, 2},
    {kMachines[1], 1, 3}, {kMachines[1], 2, 4}, {kMachines[1], 16, 5},
    {kMachines[2], 1, 6}, {kMachines[2], 2, 7}, {kMachines[2], 16, 8},
};
constexpr unsigned kHostStages[] = {1, 2, 4};  // in kFenceStages

class AtFence : public testing::TestWithParam<FenceSetup> {
 protected:
  AtFence() : params_(fence_machine(GetParam().machine, GetParam().slots)), bench_(params_, 1) {}

  MachineParams params_;
  FenceBench bench_;
  FenceTotals totals_;
};

INSTANTIATE_TEST_SUITE_P(Machines, AtFence, testing::ValuesIn(kSetups));

// Half of the changes, each over other tables; the machines together see all of them.
TEST_P(AtFence, Pwc01Inv04NothingOldAfterTheAcknowledgement) {
  const unsigned slots = GetParam().slots;
  std::uint64_t number = GetParam().number;
  for (const TableChange change : kTableChanges) {
    const auto& stages = is_host_change(change) ? kFenceStages[kHostStages[number % 3]]
                                                : kFenceStages[number % std::size(kFenceStages)];
    if (++number % 2 == 0) {
      continue;
    }
    sweep_cycles(bench_, stages, change, slots, Operations::kInTurns, number / 2, totals_);
    ASSERT_FALSE(HasFatalFailure());
  }
  std::cout << totals_;
  EXPECT_GT(totals_.kills, totals_.runs);
  EXPECT_GT(totals_.waits, totals_.runs / 10);
  EXPECT_GT(totals_.strict, totals_.runs);
  EXPECT_LE(totals_.longest_wait, longest_fence(params_, fence_window(slots)));
}

// A second change of the same entry while walks that the first one killed, or the updates that they
// had sent, are under way: 0 to 7 cycles after it.
TEST_P(AtFence, FencesMayOverlap) {
  const unsigned slots = GetParam().slots;
  std::uint64_t number = GetParam().number;
  for (const TableChange change : {TableChange::kRemap, TableChange::kMoveTable,
                                   TableChange::kHostRemap, TableChange::kHostMoveTable}) {
    const auto& stages = kFenceStages[kHostStages[number++ % 3]];
    if (number % 2 == 0) {
      continue;  // the next machine's
    }
    const FenceTables tables = make_fence_tables(stages.stages, true);
    const auto operations = fitting_operations(tables, is_host_change(change));
    FenceRun run = fence_run(tables, slots, number);
    const std::uint64_t last = bench_.run(run).cycles + 2;
    for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
      run.shots.clear();
      for (unsigned round = 0; round < 3; ++round) {
        FenceShot shot = fence_shot(tables, change, round);
        shot.cycle = cycle + round * (cycle % 8);
        shot.is_late = (cycle + number) % 2 == 0;
        shot.invalidations =
            fence_operation(tables, operations[(cycle + round) % operations.size()]);
        run.shots.push_back(shot);
      }
      const FenceResult result = bench_.run(run);
      totals_.add(result);
      ASSERT_EQ(result.violation, "")
          << stages.name << ", " << kTableChangeNames[static_cast<unsigned>(change)]
          << " from cycle " << cycle;
    }
  }
  std::cout << totals_;
  EXPECT_GT(totals_.waits, totals_.runs / 10);
  EXPECT_LE(totals_.longest_wait, longest_fence(params_, fence_window(slots)));
}

// Other tags, another vendor's operation, or none at all: the run is as without it, to the cycle.
TEST_P(AtFence, Inv02AnotherContextIsLeftAlone) {
  for (unsigned i = 0; i < 2; ++i) {
    const FenceStages& stages = kFenceStages[(2 * GetParam().number + i) % std::size(kFenceStages)];
    const FenceTables tables = make_fence_tables(stages.stages, true);
    const auto operations = foreign_operations(tables);
    FenceRun run = fence_run(tables, GetParam().slots, GetParam().number);
    const FenceResult undisturbed = bench_.run(run);
    for (std::uint64_t cycle = 0; cycle <= undisturbed.cycles; ++cycle) {
      FenceShot shot;
      shot.cycle = cycle;
      shot.is_late = cycle % 2 == 0;
      shot.invalidations = {operations[cycle % operations.size()]};
      run.shots = {shot};
      const FenceResult result = bench_.run(run);
      const auto where = testing::Message() << stages.name << ", "
                                            << name_of(shot.invalidations[0].op) << " at " << cycle;
      ASSERT_EQ(result.violation, "") << where;
      ASSERT_EQ(result.kills, 0U) << where;
      ASSERT_EQ(result.num_waits, 0U) << where;
      if (GetParam().machine.organisation != PwcOrganisation::kPhysical2d) {  // words have no tags
        ASSERT_EQ(result.num_dropped, 0U) << where;
        ASSERT_EQ(result.answers, undisturbed.answers) << where;
      }
    }
  }
}

// The fence is for another address space that has the same tables: walks of this one may end as
// they began, but leave nothing behind that serves the other.
TEST_P(AtFence, Inv04AWalkOfOneContextLeavesNothingOldToAnother) {
  for (const TableChange change : {TableChange::kMoveTable, TableChange::kHostMoveEpt}) {
    // A and D are set: a lost update of theirs would mend a walk cache that kept an old word.
    const FenceTables tables =
        make_fence_tables(kFenceStages[is_host_change(change) ? 1 : 0].stages, false);
    FenceRun run = fence_run(tables, GetParam().slots, GetParam().number);
    run.judges_answers = false;
    Tags& tags = run.context_after.tags;
    tags.pcid = Pcid{4};
    tags.vpid = Vpid{2};
    tags.ep4ta = tables.hand.context.has_host ? Ep4ta{0x77'7000} : Ep4ta{};
    Invalidation invalidation;
    invalidation.op =
        is_host_change(change) ? InvalidateOp::kInveptSingle : InvalidateOp::kInvpcidSingle;
    invalidation.tags = tags;
    const std::uint64_t last = bench_.run(run).cycles + 2;
    for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
      FenceShot shot = fence_shot(tables, change);
      shot.cycle = cycle;
      shot.is_late = cycle % 2 == 0;
      shot.invalidations = {invalidation};
      run.shots = {shot};
      const FenceResult result = bench_.run(run);
      ASSERT_EQ(result.violation, "")
          << kTableChangeNames[static_cast<unsigned>(change)] << " at cycle " << cycle;
      ASSERT_EQ(result.kills, 0U);
    }
  }
}

// INVLPG names one page and is for the upper-level entries of all: a walk to another page must not
// bring the old one back.
TEST_P(AtFence, Pwc01TheAddressDoesNotExcuseAWalk) {
  const FenceTables tables = make_fence_tables(kFenceStages[GetParam().number % 2].stages, true);
  FenceRun run = fence_run(tables, GetParam().slots, GetParam().number);
  run.judges_answers = false;
  run.accesses.erase(run.accesses.begin(), run.accesses.begin() + 2);  // to page 0
  run.afterwards = {{tables.pages[0]}};
  const std::uint64_t last = bench_.run(run).cycles + 2;
  for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
    FenceShot shot = fence_shot(tables, TableChange::kMoveTable);
    shot.cycle = cycle;
    shot.is_late = cycle % 2 == 0;
    shot.invalidations = {fence_operation(tables, InvalidateOp::kInvlpg).front()};
    run.shots = {shot};
    const FenceResult result = bench_.run(run);
    ASSERT_EQ(result.violation, "") << "at cycle " << cycle;
  }
}

// A walk may find that its page is global: INVLPG in one address space then is for all of them.
TEST_P(AtFence, Inv08AGlobalPageIsOfEveryContext) {
  FenceTables tables = make_fence_tables(kFenceStages[0].stages, true);
  tables.hand.or_bits(tables.hand.guest_entry(tables.pages[0], 1), 0x100);
  FenceRun run = fence_run(tables, GetParam().slots, GetParam().number);
  run.context_after.tags.pcid = Pcid{4};
  Invalidation invalidation;
  invalidation.op = InvalidateOp::kInvlpg;
  invalidation.tags = run.context_after.tags;
  invalidation.address = tables.pages[0];
  const std::uint64_t last = bench_.run(run).cycles + 2;
  for (std::uint64_t cycle = 0; cycle <= last; ++cycle) {
    FenceShot shot = fence_shot(tables, TableChange::kRemap);
    shot.cycle = cycle;
    shot.is_late = cycle % 2 == 0;
    shot.invalidations = {invalidation};
    run.shots = {shot};
    const FenceResult result = bench_.run(run);
    ASSERT_EQ(result.violation, "") << "at cycle " << cycle;
  }
}

// An access over two pages whose first half is translated holds the fence until it is answered.
TEST_P(AtFence, AnAccessAcrossPagesIsOfOneTime) {
  const unsigned slots = GetParam().slots;
  for (const TableChange change : {TableChange::kRemap, TableChange::kUnmap}) {
    const FenceTables tables = make_fence_tables(kFenceStages[1].stages, true);
    FenceRun run = fence_run(tables, slots, GetParam().number);
    for (Access& access : run.accesses) {
      access.address = Gva((access.address.value() | 0xfff) - 3);
    }
    // The page after the last of a table is not mapped: leave out those that end there.
    run.accesses.resize(4);
    const std::uint64_t length = bench_.run(run).cycles;
    for (std::uint64_t cycle = 0; cycle <= length + 2; ++cycle) {
      FenceShot shot = fence_shot(tables, change);
      shot.cycle = cycle;
      shot.is_late = cycle % 2 == 0;
      shot.invalidations = fence_operation(tables, InvalidateOp::kInvlpg);
      run.shots = {shot};
      const FenceResult result = bench_.run(run);
      totals_.add(result);
      ASSERT_EQ(result.violation, "")
          << kTableChangeNames[static_cast<unsigned>(change)] << " at cycle " << cycle;
      ASSERT_LE(result.longest_wait, length);
    }
  }
  std::cout << totals_;
  EXPECT_GT(totals_.waits, totals_.runs / 10);
}

}  // namespace
}  // namespace nestwalk
