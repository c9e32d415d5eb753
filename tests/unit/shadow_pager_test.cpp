// Shadow paging, one mechanism at a time: accessed and dirty bits, large pages, write protection,
// roles, what an exit costs and counts.
#include <gtest/gtest.h>

#include "tests/unit/shadow_bench_guest.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kAccessed = bit(x86::kAccessed);
constexpr std::uint64_t kDirty = bit(x86::kDirty);

std::uint64_t tables_of_use(ShadowGuest& guest) {
  return guest.hypervisor().owners().num_bytes({FrameUse::kHostTable, 0}) >> 12;
}

TEST(ShadowBits, AccessedAndDirtyAreTheGuestsOwn) {
  ShadowGuest guest(options_of(ShadowSync::kAtOnce));
  for (const Gpa entry : {kRoot, kLevel3, kLevel2}) {
    guest.write_physical(entry, 8, guest.read_physical(entry, 8) & ~kAccessed);
  }
  guest.write_physical(kLevel1, 8, leaf(kData, {}));
  guest.write_physical(kLevel1 + 8, 8, leaf(kData + 4096, {}));
  EXPECT_FALSE(guest.read(kPage).is_fault);
  for (const Gpa entry : {kRoot, kLevel3, kLevel2, kLevel1}) {
    EXPECT_EQ(guest.read_physical(entry, 8) & (kAccessed | kDirty), kAccessed);
  }
  EXPECT_EQ(guest.read_physical(kLevel1 + 8, 8) & kAccessed, 0U);
  EXPECT_FALSE(guest.cpu().cached(kPage)->guest.write());  // the first write has to set D
  EXPECT_FALSE(guest.write(kPage, 1).is_fault);
  EXPECT_EQ(guest.read_physical(kLevel1, 8) & kDirty, kDirty);
  EXPECT_EQ(guest.read_physical(kLevel2, 8) & kDirty, 0U);
  EXPECT_TRUE(guest.cpu().cached(kPage)->guest.write());
  // Cleared by the guest and flushed: the next access sets them again.
  guest.set(kLevel1, leaf(kData, {}));
  guest.cpu().invlpg(kPage);
  EXPECT_FALSE(guest.read(kPage).is_fault);
  EXPECT_EQ(guest.read_physical(kLevel1, 8) & (kAccessed | kDirty), kAccessed);
  EXPECT_EQ(guest.audit(), "");
}

TEST(ShadowBits, AFaultOfTheGuestsOwnSetsNone) {
  ShadowGuest guest;
  guest.write_physical(kLevel1, 8, leaf(kData, {.write = false}));
  const BenchResult result = guest.write(kPage, 1);
  EXPECT_TRUE(result.is_fault);
  EXPECT_EQ(result.code, 7U);  // present, write, user: though the shadow had no entry
  EXPECT_EQ(guest.read_physical(kLevel1, 8) & (kAccessed | kDirty), 0U);
  EXPECT_EQ(guest.statistics().reflected, 1U);
}

TEST(ShadowPages, ALargePageNeedsBothStages) {
  for (const PageSize backing : {PageSize::k4K, PageSize::k2M}) {
    BenchOptions options;
    options.vm.backing = backing;
    ShadowGuest guest(options);
    guest.write_physical(kLevel2 + 8, 8, large_leaf(Gpa(0x600000)));
    const Gva address(std::uint64_t{2} << 20);
    EXPECT_FALSE(guest.read(address + 0x5008).is_fault);
    EXPECT_EQ(guest.cpu().cached(address + 0x5000)->guest_page_bits,
              backing == PageSize::k2M ? 21 : 12);
    const std::uint64_t exits = guest.cpu().num_exits();
    EXPECT_FALSE(guest.read(address + 0x9000).is_fault);
    EXPECT_EQ(guest.cpu().num_exits() - exits, backing == PageSize::k2M ? 0U : 1U);
    EXPECT_EQ(guest.audit(), "");
  }
}

TEST(ShadowProtection, AtOnceAWriteIsMadeForTheGuest) {
  ShadowGuest guest(options_of(ShadowSync::kAtOnce));
  EXPECT_FALSE(guest.read(kPage).is_fault);
  const ShadowStatistics before = guest.statistics();
  guest.set(kLevel1, leaf(kData + 4096));
  EXPECT_EQ(guest.statistics().emulated, before.emulated + 1);
  EXPECT_TRUE(guest.vm().shadow.cache.is_protected(kLevel1));
  EXPECT_FALSE(guest.cpu().cached(kPage).has_value());
  const Swap swap{8, leaf(kData + 4096), leaf(kData + 2 * 4096)};
  EXPECT_EQ(guest.cpu().swap(direct(kLevel1), swap).value, 1U);
  EXPECT_EQ(guest.cpu().swap(direct(kLevel1), swap).value, 0U);
  EXPECT_EQ(guest.read_physical(kLevel1, 8), leaf(kData + 2 * 4096));
  EXPECT_EQ(guest.audit(), "");
}

TEST(ShadowProtection, OnFlushTheFirstWriteLetsTheTableOutOfSync) {
  ShadowGuest guest(options_of(ShadowSync::kOnFlush));
  EXPECT_FALSE(guest.read(kPage).is_fault);
  guest.set(kLevel1, leaf(kData + 4096));
  EXPECT_EQ(guest.statistics().unsync_faults, 1U);
  guest.write_physical(kData + 4096, 8, 42);
  const std::uint64_t exits = guest.cpu().num_exits();
  for (unsigned i = 1; i < 8; ++i) {
    guest.set(kLevel1 + i * 8, 0);
  }
  EXPECT_EQ(guest.cpu().num_exits(), exits);
  guest.cpu().invlpg(kPage);  // one entry, and the table stays out of sync
  EXPECT_FALSE(guest.vm().shadow.cache.out_of_sync().empty());
  EXPECT_EQ(guest.statistics().entries_dropped, 1U);
  EXPECT_EQ(guest.read(kPage).value, 42U);
  guest.cpu().load_cr3(kRoot);
  EXPECT_TRUE(guest.vm().shadow.cache.out_of_sync().empty());
  EXPECT_TRUE(guest.vm().shadow.cache.is_protected(kLevel1));
  EXPECT_EQ(guest.audit(), "");
  guest.set(kLevel2 + 8, 0);  // the level above is never out of sync
  EXPECT_EQ(guest.statistics().emulated, 1U);
}

TEST(ShadowProtection, ManyWritesInARowDropTheShadows) {
  BenchOptions options = options_of(ShadowSync::kAtOnce);
  options.vm.shadow.flood_writes = 4;
  ShadowGuest guest(options);
  EXPECT_FALSE(guest.read(kPage).is_fault);
  for (unsigned i = 0; i < 4; ++i) {
    guest.set(kLevel1 + (8 + i) * 8, leaf(kData));
  }
  EXPECT_TRUE(guest.is_shadowed(kLevel1));
  guest.set(kLevel1 + 20 * 8, leaf(kData));
  EXPECT_FALSE(guest.is_shadowed(kLevel1));
  EXPECT_EQ(guest.statistics().zapped_for_flooding, 1U);
  EXPECT_FALSE(guest.read(kPage).is_fault);  // a fault through the table begins the count anew
  for (unsigned i = 0; i < 4; ++i) {
    guest.set(kLevel1 + (8 + i) * 8, leaf(kData));
    EXPECT_FALSE(guest.read(kPage + (i % 7 + 1) * 4096).is_fault);
  }
  EXPECT_EQ(guest.statistics().zapped_for_flooding, 1U);
  EXPECT_EQ(guest.audit(), "");
}

TEST(ShadowProtection, ClearingATableDropsItsShadows) {
  ShadowGuest guest;
  EXPECT_FALSE(guest.read(kPage).is_fault);
  guest.cpu().clear_page(direct(kLevel1));
  EXPECT_FALSE(guest.is_shadowed(kLevel1));
  EXPECT_EQ(guest.statistics().zapped_for_reuse, 1U);
  EXPECT_TRUE(guest.read(kPage).is_fault);
  EXPECT_EQ(guest.audit(), "");
}

TEST(ShadowProtection, TheLiveRootCanBeCleared) {
  ShadowGuest guest;
  EXPECT_FALSE(guest.read(kPage).is_fault);
  guest.write_physical(kRoot + 8, 8, table(kLevel3));
  guest.cpu().clear_page(direct(kRoot));  // its own mapping goes with it
  for (unsigned i = 0; i < 512; ++i) {
    ASSERT_EQ(guest.read_physical(kRoot + i * 8, 8), 0U);
  }
  guest.cpu().load_cr3(kRoot);
  EXPECT_TRUE(guest.read(kPage).is_fault);
  EXPECT_EQ(guest.audit(), "");
}

TEST(ShadowRoles, EachModeHasTablesOfItsOwn) {
  ShadowGuest guest;
  guest.write_physical(kLevel1, 8, leaf(kData, {.write = false, .accessed = true, .dirty = true}));
  EXPECT_TRUE(guest.cpu().store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  GuestRegisters registers = guest.cpu().registers();
  registers.control.wp = false;
  registers.control.smep = true;
  guest.cpu().write_control(registers);
  const ShadowId root = guest.vm().shadow.vcpus[0].root;
  EXPECT_FALSE(guest.cpu().store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  EXPECT_TRUE(guest.cpu().fetch(kPage, Privilege::kSupervisor).is_fault);  // SMEP: a user page
  EXPECT_FALSE(guest.read(kPage).is_fault);
  EXPECT_TRUE(guest.write(kPage, 2).is_fault);
  EXPECT_EQ(guest.audit(), "");
  registers.control.wp = true;
  guest.cpu().write_control(registers);
  EXPECT_NE(guest.vm().shadow.vcpus[0].root, root);
  EXPECT_TRUE(guest.cpu().store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  EXPECT_EQ(guest.read_physical(kData, 8), 1U);
}

TEST(ShadowRoles, WithoutWpAndWithSmapAWriteIsEmulated) {
  ShadowGuest guest;
  guest.write_physical(kLevel1, 8, leaf(kData, {.write = false, .accessed = true, .dirty = true}));
  GuestRegisters registers = guest.cpu().registers();
  registers.control.wp = false;
  registers.control.smap = true;
  guest.cpu().write_control(registers);
  EXPECT_TRUE(guest.cpu().store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  guest.cpu().set_ac(true);
  EXPECT_FALSE(guest.cpu().store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  guest.cpu().set_ac(false);
  EXPECT_TRUE(guest.cpu().store(kPage, 8, 2, Privilege::kSupervisor).is_fault);
  EXPECT_EQ(guest.read_physical(kData, 8), 1U);
}

TEST(ShadowFrames, WhatIsTakenAwayIsNeitherMappedNorCached) {
  BenchOptions options;
  options.num_cpus = 2;
  ShadowGuest guest(options);
  for (unsigned cpu = 0; cpu < 2; ++cpu) {
    EXPECT_FALSE(guest.write(kPage, 1, cpu).is_fault);
  }
  guest.run(HostAction::kDirtyLogStart, {kData, kData + 4096});
  for (unsigned cpu = 0; cpu < 2; ++cpu) {
    EXPECT_FALSE(guest.cpu(cpu).cached(kPage).has_value());
    EXPECT_FALSE(guest.read(kPage, cpu).is_fault);
    EXPECT_FALSE(guest.cpu(cpu).cached(kPage)->guest.write());
  }
  guest.run(HostAction::kMigrate, {kData, kData + 4096});
  EXPECT_FALSE(guest.cpu(1).cached(kPage).has_value());
  EXPECT_TRUE(guest.vm().shadow.reverse_map.leaves(kData, 1).empty());
  EXPECT_EQ(guest.audit(), "");
  EXPECT_FALSE(guest.write(kPage, 3, 1).is_fault);
}

TEST(ShadowFrames, AllTablesAreGivenBack) {
  ShadowGuest guest;
  guest.write_physical(kData, 8, 1);  // the host's own tables exist from here on
  const std::uint64_t host_tables = tables_of_use(guest) - guest.vm().shadow.cache.num_tables();
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_FALSE(guest.read(kPage + i * 4096).is_fault);
  }
  EXPECT_EQ(tables_of_use(guest), host_tables + guest.vm().shadow.cache.num_tables());
  guest.hypervisor().drop_shadow(guest.cpu(), guest.vm_id());
  EXPECT_EQ(tables_of_use(guest), host_tables);
  EXPECT_EQ(guest.audit(), "");
  (void)guest.hypervisor().enter(guest.cpu(), guest.vm_id());
  EXPECT_FALSE(guest.read(kPage).is_fault);
}

TEST(ShadowCosts, EveryFaultEndsInOneWay) {
  ShadowGuest guest(options_of(ShadowSync::kAtOnce));
  guest.cpu().spent = {};
  EXPECT_FALSE(guest.read(kPage).is_fault);
  guest.write_physical(kLevel1 + 8, 8, 0);
  EXPECT_TRUE(guest.read(kPage + 4096).is_fault);
  guest.set(kLevel1, 0);
  const ShadowStatistics& s = guest.statistics();
  EXPECT_EQ(s.page_faults, s.reflected + s.filled + s.emulated + s.retried + s.failed);
  EXPECT_EQ(s.page_faults, 3U);
  const HypervisorParams& costs = guest.options().hypervisor;
  const Account& spent = guest.cpu().spent;
  EXPECT_EQ(spent.cycles(Cause::kVmExit), 3 * costs.exit_cycles);
  EXPECT_EQ(spent.cycles(Cause::kShadowFault), 3 * costs.shadow.fault_cycles);
  EXPECT_EQ(spent.cycles(Cause::kShadowReflect), costs.shadow.reflect_cycles);
  EXPECT_EQ(spent.cycles(Cause::kShadowEmulation), costs.shadow.emulation_cycles);
}

TEST(ShadowState, ACopyIsAnotherHypervisor) {
  ShadowGuest guest;
  EXPECT_FALSE(guest.read(kPage).is_fault);
  Hypervisor copy = guest.hypervisor();
  copy.drop_shadow(guest.cpu(), guest.vm_id());
  EXPECT_EQ(copy.vm(guest.vm_id()).shadow.cache.num_tables(), 0U);
  EXPECT_GT(guest.vm().shadow.cache.num_tables(), 4U);
}

}  // namespace
}  // namespace nestwalk::test
