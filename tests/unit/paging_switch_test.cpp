// A VM goes from nested to shadow paging and back while it runs.
#include <gtest/gtest.h>

#include "tests/unit/paging_switch_guest.h"

namespace nestwalk {
namespace {

TEST(PagingSwitch, GoesToShadowAndBack) {
  SwitchGuest guest;
  guest.store(kPage, 1);
  EXPECT_EQ(guest.bench.switch_paging(Paging::kShadow), SwitchOutcome::kSwitched);
  EXPECT_TRUE(guest.bench.vm().is_shadowed());
  EXPECT_EQ(guest.load(kPage), 1U);
  guest.store(kPage, 2);
  EXPECT_EQ(guest.bench.audit(), "");
  EXPECT_GT(guest.bench.statistics().tables_made, 3U);
  EXPECT_EQ(guest.bench.switch_paging(Paging::kNested), SwitchOutcome::kSwitched);
  EXPECT_EQ(guest.load(kPage), 2U);
  const ShadowStatistics& s = guest.bench.statistics();
  EXPECT_EQ(s.tables_made, s.tables_freed);
  EXPECT_EQ(guest.bench.vm().statistics.switches_to_shadow, 1U);
  EXPECT_EQ(guest.bench.vm().statistics.switches_to_nested, 1U);
}

TEST(PagingSwitch, IsNoneWhereTheVmIsAlready) {
  SwitchGuest guest;
  EXPECT_EQ(guest.bench.switch_paging(Paging::kNested), SwitchOutcome::kUnchanged);
  EXPECT_EQ(guest.bench.vm().statistics.switches_to_nested, 0U);
}

TEST(PagingSwitch, AGuestWriteIsSeenAfterTheNextSwitch) {
  for (const InactiveShadow inactive : {InactiveShadow::kDestroyed, InactiveShadow::kResynced}) {
    SwitchGuest guest(with(inactive));
    guest.store(kPage, 1);
    guest.bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest.load(kPage), 1U);
    guest.bench.switch_paging(Paging::kNested);
    guest.map(kPage, 0x11000);
    guest.bench.cpu().invlpg(kPage);
    guest.store(kPage, 3);
    guest.bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest.bench.audit(), "");
    EXPECT_EQ(guest.load(kPage), 3U);
    EXPECT_EQ(guest.bench.audit(), "");
    guest.map(kPage, 0x10000);
    guest.bench.cpu().invlpg(kPage);
    EXPECT_EQ(guest.load(kPage), 1U);
    guest.bench.switch_paging(Paging::kNested);
    EXPECT_EQ(guest.load(kPage), 1U);
  }
}

TEST(PagingSwitch, AKeptShadowHasNothingToFillWhereTheGuestChangedNothing) {
  SwitchGuest kept(with(InactiveShadow::kResynced));
  kept.store(kPage, 1);
  kept.bench.switch_paging(Paging::kShadow);
  kept.store(kPage, 2);
  kept.bench.switch_paging(Paging::kNested);
  EXPECT_GT(kept.bench.statistics().tables_made, kept.bench.statistics().tables_freed);
  kept.bench.switch_paging(Paging::kShadow);
  const std::uint64_t exits = kept.bench.cpu().num_exits();
  kept.store(kPage, 3);
  EXPECT_EQ(kept.bench.cpu().num_exits(), exits);
  EXPECT_EQ(kept.bench.audit(), "");
}

// Shadows of tables that the guest has given up do not outlive the comparison with their parents.
TEST(PagingSwitch, AKeptLinkToAnotherTableIsDropped) {
  SwitchGuest guest(with(InactiveShadow::kResynced));
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kShadow);
  EXPECT_EQ(guest.load(kPage), 1U);
  guest.bench.switch_paging(Paging::kNested);
  guest.bench.write_physical(Gpa{0x7000 + 5 * 8}, 8, 0x12000 | kTable);
  guest.store(kTables + 0x3000, 0x7000 | kTable);
  guest.bench.cpu().load_cr3(Gpa{0x1000});
  guest.store(kPage, 9);
  guest.bench.switch_paging(Paging::kShadow);
  EXPECT_EQ(guest.bench.audit(), "");
  EXPECT_EQ(guest.load(kPage), 9U);
}

TEST(PagingSwitch, EagerProtectionShadowsAllTablesAtTheSwitch) {
  SwitchGuest lazy(with(TableProtection::kLazy));
  SwitchGuest eager(with(TableProtection::kEager));
  for (SwitchGuest* guest : {&lazy, &eager}) {
    guest->store(kPage, 1);
    static_cast<void>(guest->load(kTables));
    guest->bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest->bench.audit(), "");
  }
  EXPECT_EQ(lazy.bench.statistics().tables_made, 1U);
  EXPECT_EQ(eager.bench.statistics().tables_made, 5U);
  for (SwitchGuest* guest : {&lazy, &eager}) {
    static_cast<void>(guest->load(kTables + 0x4000));
    guest->store(kTables + 0x4000 + 8, 0);
    guest->store(kPage, 2);
    EXPECT_EQ(guest->bench.audit(), "");
  }
}

TEST(PagingSwitch, KeepsTheGuestsAccessedAndDirtyBits) {
  constexpr std::uint64_t kAccessedDirty = bit(x86::kAccessed) | bit(x86::kDirty);
  SwitchGuest guest;
  guest.bench.switch_paging(Paging::kShadow);
  static_cast<void>(guest.load(kPage));
  EXPECT_EQ(guest.entry(kPage) & kAccessedDirty, bit(x86::kAccessed));
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kNested);
  EXPECT_EQ(guest.entry(kPage) & kAccessedDirty, kAccessedDirty);
}

TEST(PagingSwitch, AFullHostRefusesAndTheVmGoesOn) {
  BenchOptions options = SwitchGuest::options({}, true, 1);
  options.host_bytes = std::uint64_t{2} << 20;
  ShadowBench small(options);
  std::uint64_t page = 0;
  while (small.hypervisor().populate(small.cpu(), small.vm_id(), Gpa(page << 12), 4096)) {
    ++page;
  }
  EXPECT_EQ(small.switch_paging(Paging::kShadow), SwitchOutcome::kRefused);
  EXPECT_FALSE(small.vm().is_shadowed());
  EXPECT_EQ(small.vm().statistics.switches_refused, 1U);
}

TEST(PagingSwitch, ANewVpidIsNeverAnotherVms) {
  auto host = std::make_shared<BenchHost>(std::uint64_t{64} << 20, HypervisorParams{});
  BenchOptions options = SwitchGuest::options(with(SwitchFlush::kNewVpid), true, 1);
  options.host = host;
  ShadowBench one(options);
  ShadowBench two(options);
  one.switch_paging(Paging::kShadow);
  const std::uint32_t first = one.vm().tag();
  two.switch_paging(Paging::kShadow);
  one.switch_paging(Paging::kNested);
  EXPECT_EQ(first, 0xffffU);
  EXPECT_EQ(two.vm().tag(), 0xfffeU);
  EXPECT_EQ(one.vm().tag(), 0xfffdU);
}

}  // namespace
}  // namespace nestwalk
