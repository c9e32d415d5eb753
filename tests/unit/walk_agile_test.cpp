// Agile paging in the walk engine: how many entries a walk reads by where it is handed over, what
// its two parts have in common, and what it leaves in a walk cache.
#include <gtest/gtest.h>

#include <vector>

#include "model/walk/functional_driver.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f0012345678};
constexpr Gpa kData{0x80000000};
constexpr Gpa kPage{0x80005000};

// Remembers what a walk reads, writes and fills, and answers lookups with what it was given.
struct Machine {
  explicit Machine(WordMemory& memory) : words(memory) {}

  MemoryAnswer read(const Step& step) {
    reads.push_back(step);
    return {true, words.read(step.hpa, step.bytes).value_or(0)};
  }
  UpdateAnswer update(const Step& step) {
    updates.push_back(step);
    return words.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }
  [[nodiscard]] std::optional<Resume> lookup(const Step& step) const {
    return step.stage == Stage::kGuest ? hit : std::nullopt;
  }
  void fill(const Step& step) {
    if (step.stage == Stage::kGuest) {
      fills.push_back(step.resume);
    }
  }

  WordMemory& words;
  std::vector<Step> reads;
  std::vector<Step> updates;
  std::vector<Resume> fills;  // of the guest stage
  std::optional<Resume> hit;
};

WalkOutcome run(HandTables& tables, Machine& machine, AccessType type = AccessType::kRead,
                Privilege privilege = Privilege::kUser) {
  return walk(tables.context, {kGva, type, privilege}, machine, machine);
}

HandTables mapped(FormatId guest, FormatId host) {
  HandTables tables({guest, host});
  tables.map_guest(kGva, kPage, 1);
  tables.map_host(kPage, 1);
  return tables;
}

// Switched below the shadow's entry of this level; above the highest, at the root.
HandTables switched(unsigned level) {
  HandTables tables = mapped(FormatId::kX86FourLevel, FormatId::kEptFourLevel);
  tables.switch_shadow(kGva, level);
  return tables;
}

TEST(WalkAgile, ReferencesAreFourAndFourMoreForEachLevelBelowTheSwitch) {
  for (const FormatId host : {FormatId::kEptFourLevel, FormatId::kX86FourLevel}) {
    std::vector<unsigned> references;
    HandTables tables = mapped(FormatId::kX86FourLevel, host);
    tables.map_shadow(kGva, tables.host_of(kPage), 1);
    for (unsigned level = 1; level <= 6; ++level) {
      if (level == 6) {
        tables.context.has_shadow = false;  // nested from the root
      } else if (level > 1) {
        tables = mapped(FormatId::kX86FourLevel, host);
        tables.switch_shadow(kGva, level);
      }
      Machine machine(tables.memory);
      const WalkOutcome outcome = run(tables, machine);
      ASSERT_TRUE(outcome.is_translation) << level;
      EXPECT_EQ(outcome.translation.hpa, tables.host_of(kPage) + 0x678);
      references.push_back(outcome.num_references);
    }
    EXPECT_EQ(references, (std::vector<unsigned>{4, 8, 12, 16, 20, 24}));
  }
}

TEST(WalkAgile, ReferencesOfFiveLevels) {
  for (const FormatId host : {FormatId::kEptFourLevel, FormatId::kEptFiveLevel}) {
    const unsigned host_levels = format_of(host).levels;
    for (unsigned level = 2; level <= 6; ++level) {
      HandTables tables = mapped(FormatId::kX86FiveLevel, host);
      tables.switch_shadow(kGva, level);
      Machine machine(tables.memory);
      const WalkOutcome outcome = run(tables, machine);
      ASSERT_TRUE(outcome.is_translation) << level;
      EXPECT_EQ(outcome.num_references, 5 + (level - 1) * host_levels);
    }
  }
}

TEST(WalkAgile, EachPartStandsAtItsPosition) {
  HandTables tables = switched(3);
  Machine machine(tables.memory);
  ASSERT_TRUE(run(tables, machine).is_translation);
  std::vector<Position> positions;
  for (const Step& step : machine.reads) {
    positions.push_back(step.position);
    EXPECT_EQ(step.is_shadow, step.position.g >= 3 && step.stage == Stage::kGuest);
  }
  EXPECT_EQ(positions, (std::vector<Position>{{4, 0},
                                              {3, 0},
                                              {2, 0},
                                              {1, 4},
                                              {1, 3},
                                              {1, 2},
                                              {1, 1},
                                              {1, 0},
                                              {0, 4},
                                              {0, 3},
                                              {0, 2},
                                              {0, 1}}));
  EXPECT_EQ(machine.reads[2].hpa, tables.guest_entry(kGva, 2));
}

TEST(WalkAgile, ALargePageOfEitherPart) {
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  tables.map_guest(kGva, kData, 2);
  tables.map_host(kData + 0x145000, 1);  // bits 20:12 of the address
  tables.switch_shadow(kGva, 3);
  Machine below(tables.memory);
  const WalkOutcome nested = run(tables, below);
  ASSERT_TRUE(nested.is_translation);
  EXPECT_EQ(nested.num_references, 2U + 1 + 4);
  EXPECT_EQ(nested.translation.guest_page_bits, 21);
  EXPECT_EQ(nested.translation.page_bits(), 12U);

  tables.map_shadow(kGva, Hpa{0x4000'0000}, 2);
  Machine above(tables.memory);
  const WalkOutcome shadow = run(tables, above);
  ASSERT_TRUE(shadow.is_translation);
  EXPECT_EQ(shadow.num_references, 3U);
  EXPECT_EQ(shadow.translation.hpa.value(), 0x4000'0000 + kGva.offset(21));
  EXPECT_EQ(shadow.translation.page_bits(), 21U);
  EXPECT_EQ(shadow.translation.host, HostRights{});
}

TEST(WalkAgile, RightsOfBothPartsCount) {
  // W is missing in the shadow's entry, then in the guest's; U in the shadow's.
  HandTables tables = switched(2);
  tables.clear_bits(tables.shadow_entry(kGva, 2), 2);
  Machine machine(tables.memory);
  WalkOutcome outcome = run(tables, machine, AccessType::kWrite);
  ASSERT_FALSE(outcome.is_translation);
  EXPECT_EQ(outcome.fault.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(outcome.fault.position, (Position{1, 0}));
  EXPECT_EQ(outcome.fault.code, 7U);
  EXPECT_FALSE(outcome.fault.in_shadow) << "the leaf is the guest's";
  EXPECT_TRUE(machine.updates.empty());

  tables.or_bits(tables.shadow_entry(kGva, 2), 2);
  tables.clear_bits(tables.guest_entry(kGva, 1), 2);
  EXPECT_FALSE(run(tables, machine, AccessType::kWrite).is_translation);

  tables.or_bits(tables.guest_entry(kGva, 1), 2);
  tables.clear_bits(tables.shadow_entry(kGva, 3), 4);
  EXPECT_FALSE(run(tables, machine).is_translation);
  EXPECT_TRUE(run(tables, machine, AccessType::kRead, Privilege::kSupervisor).is_translation);
}

TEST(WalkAgile, APageFaultSaysWhetherTheShadowRaisedIt) {
  HandTables tables = switched(2);
  tables.memory.write(tables.shadow_entry(kGva, 3), 8, 0);
  Machine machine(tables.memory);
  const WalkOutcome above = run(tables, machine);
  EXPECT_EQ(above.fault.position, (Position{3, 0}));
  EXPECT_TRUE(above.fault.in_shadow);

  tables = switched(2);
  tables.memory.write(tables.guest_entry(kGva, 1), 8, 0);
  const WalkOutcome below = run(tables, machine);
  EXPECT_EQ(below.fault.position, (Position{1, 0}));
  EXPECT_FALSE(below.fault.in_shadow);
}

TEST(WalkAgile, ALeafHasNothingToHandOver) {
  for (const unsigned level : {1U, 2U, 3U}) {
    HandTables tables = mapped(FormatId::kX86FourLevel, FormatId::kEptFourLevel);
    tables.map_shadow(kGva, Hpa{0x4000'0000}, level);
    tables.or_bits(tables.shadow_entry(kGva, level), 0x800);
    Machine machine(tables.memory);
    const WalkOutcome outcome = run(tables, machine);
    ASSERT_FALSE(outcome.is_translation) << level;
    EXPECT_EQ(outcome.fault.code, 0xdU) << "present, reserved, user";
    EXPECT_TRUE(outcome.fault.in_shadow);
  }
}

TEST(WalkAgile, TheShadowHasTheWidthOfTheMachine) {
  HandTables tables = switched(2);
  tables.context.control.maxphyaddr = 46;
  tables.context.control.guest_maxphyaddr = 36;
  tables.or_bits(tables.guest_entry(kGva, 1), std::uint64_t{1} << 40);
  Machine machine(tables.memory);
  EXPECT_EQ(run(tables, machine).fault.code, 0xdU);

  tables.map_shadow(kGva, Hpa{std::uint64_t{1} << 40}, 1);
  EXPECT_TRUE(run(tables, machine).is_translation);
}

TEST(WalkAgile, AccessedAndDirtyAreSetOverBothPartsFromTheTop) {
  HandTables tables = switched(3);
  Machine machine(tables.memory);
  ASSERT_TRUE(run(tables, machine, AccessType::kWrite).is_translation);
  ASSERT_EQ(machine.updates.size(), 4U);
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_EQ(machine.updates[i].position.g, 4 - i);
    EXPECT_EQ(machine.updates[i].is_shadow, i < 2);
    EXPECT_EQ(machine.updates[i].desired ^ machine.updates[i].expected, i == 3 ? 0x60U : 0x20U);
  }
}

// Its A bit is written by the address that the shadow names, without a host walk.
TEST(WalkAgile, TheHostStageIsNotAskedForTheFirstTableBelowTheSwitch) {
  HandTables tables = switched(2);
  const Hpa host_leaf = tables.host_entry(tables.guest_entry_gpa(kGva, 1), 1);
  tables.memory.write(host_leaf, 8, 0);
  tables.context.control.accessed_dirty = true;
  Machine machine(tables.memory);
  EXPECT_TRUE(run(tables, machine, AccessType::kWrite).is_translation);
  EXPECT_EQ(tables.memory.read(host_leaf, 8), 0U);
}

TEST(WalkAgile, AWalkCacheLearnsWhereTheWalkGoesOnAndInWhichPart) {
  for (const bool is_combined : {true, false}) {
    HandTables tables = switched(3);
    tables.context.has_guest_cache = true;
    tables.context.combined_guest_cache = is_combined;
    Machine cold(tables.memory);
    const WalkOutcome expected = run(tables, cold);
    ASSERT_EQ(cold.fills.size(), 3U);
    EXPECT_TRUE(cold.fills[0].is_shadow);
    EXPECT_EQ(cold.fills[0].base, tables.shadow_entry(kGva, 3).page(12).value());
    EXPECT_FALSE(cold.fills[1].is_shadow);
    EXPECT_FALSE(cold.fills[1].is_gpa) << "the shadow names an HPA whatever the cache keeps";
    EXPECT_EQ(cold.fills[1].base, tables.guest_entry(kGva, 2).page(12).value());
    EXPECT_EQ(cold.fills[1].table, HostRights{});
    EXPECT_EQ(cold.fills[2].is_gpa, !is_combined);
    EXPECT_EQ(cold.fills[2].table_gpa, tables.guest_entry_gpa(kGva, 1).page(12));
    const std::vector<unsigned> warm_references = {11, 10, is_combined ? 5U : 9U};
    for (unsigned i = 0; i < 3; ++i) {
      Machine warm(tables.memory);
      warm.hit = cold.fills[i];
      const WalkOutcome outcome = run(tables, warm);
      ASSERT_TRUE(outcome.is_translation);
      EXPECT_EQ(outcome.translation, expected.translation);
      EXPECT_EQ(outcome.num_references, warm_references[i]);
    }
  }
}

// An entry of a walk cache outlives the mode it was made in, if nobody flushes.
TEST(WalkAgile, ANestedWalkFollowsWhatAnAgileOneLeftBehind) {
  HandTables tables = switched(2);
  tables.context.has_guest_cache = true;
  Machine agile(tables.memory);
  run(tables, agile);
  tables.context.has_shadow = false;
  Machine nested(tables.memory);
  nested.hit = agile.fills[0];
  const WalkOutcome outcome = run(tables, nested);
  ASSERT_TRUE(outcome.is_translation);
  EXPECT_TRUE(nested.reads[0].is_shadow);
}

TEST(WalkAgile, GuestsWhoseTablesDoNotMatchAreRefusedWithTheReason) {
  WalkContext context;
  context.has_shadow = true;
  EXPECT_NE(agile_problem(context).find("guest with paging"), std::string_view::npos);
  context.has_guest = true;
  EXPECT_NE(agile_problem(context).find("host stage"), std::string_view::npos);
  context.has_host = true;
  EXPECT_EQ(agile_problem(context), "");
  for (const FormatId format : {FormatId::kX86TwoLevel, FormatId::kX86Pae}) {
    context.guest_format = format;
    EXPECT_NE(agile_problem(context).find("4 or 5 levels"), std::string_view::npos);
  }
  EXPECT_DEATH(WalkEngine{context}, "4 or 5 levels");
}

}  // namespace
}  // namespace nestwalk
