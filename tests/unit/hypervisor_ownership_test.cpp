// Whose a frame is, and when it is free: balloon, end of VMs. Catalogue series OWN as far as it
// concerns the host stage, NTL-09 and PWC-08.
#include <gtest/gtest.h>

#include <array>

#include "model/hypervisor/balloon.h"
#include "model/hypervisor/frame_migration.h"
#include "model/hypervisor/guest_write.h"
#include "tests/unit/hypervisor_dressings.h"

namespace nestwalk::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Formats, NestedPagerOf, ::testing::ValuesIn(kDressings), dressing_label);

BalloonCount inflate(StickyGuest& guest, std::uint64_t start, std::uint64_t end) {
  const BalloonCount count =
      Balloon(guest.context(), guest.targets()).inflate(Gpa(start), Gpa(end));
  guest.expect_caches_are_true();
  return count;
}

void expect_counters_are_a_recount(const StickyGuest& guest, const Host& host) {
  const auto id = static_cast<std::uint32_t>(guest.vm().id);
  EXPECT_EQ(guest.vm().resident_bytes,
            host.hypervisor.owners().num_bytes({FrameUse::kGuestFrame, id}));
  EXPECT_EQ(guest.vm().statistics.tables_allocated - guest.vm().statistics.pager.tables_freed,
            host.hypervisor.owners().num_bytes({FrameUse::kHostTable, id}) >> 12);
}

// A frame that cannot be taken from a guest is not handed to another one.
TEST(HypervisorOwnership, OWN_01_WhatCannotBeSplitStaysWithTheGuest) {
  Host host({}, 16 * kMiB, FrameAllocator<Hpa>(Hpa{0}, 4 * kMiB));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 2 * kMiB, PageSize::k2M));
  StickyGuest guest(host, vm, 2);
  ASSERT_TRUE(guest.write(0, 0x5000, 1));
  while (host.hypervisor.frames().num_free() != 0) {
    static_cast<void>(host.create(vm_of(HostFormat::kEptFourLevel, 2 * kMiB)));
  }
  const BalloonCount count = inflate(guest, 0x4000, 0x8000);
  EXPECT_EQ(count.num_taken, 0U);
  EXPECT_EQ(count.num_refused, 4U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 0U);
  EXPECT_EQ(host.hypervisor.frames().num_free(), 0U);
  EXPECT_TRUE(guest.vm().ballooned.is_empty());
  EXPECT_EQ(guest.read(1, 0x5000), 1U);
  expect_counters_are_a_recount(guest, host);
}

// The frame goes to another VM at once; what the first one has cached must be gone by then.
TEST_P(NestedPagerOf, OWN_02_AFrameIsFreeOnlyAfterTheFlush) {
  Host host({}, kGiB, FrameAllocator<Hpa>(Hpa{0}, 64 * 4096));
  const VmId first = host.create(vm_of(GetParam()));
  const VmId second = host.create(vm_of(GetParam()));
  StickyGuest a(host, first, 2);
  StickyGuest b(host, second, 2);
  for (std::uint64_t gpa = 0; gpa < 0x8000; gpa += 0x1000) {
    ASSERT_TRUE(a.write(0, gpa, 11));
    ASSERT_TRUE(a.write(1, gpa + 8, 12));
  }
  const std::uint64_t frame = host.walk(first, 0x3000)->output;
  const std::uint64_t free = host.hypervisor.frames().num_free();
  std::uint64_t free_at_flush = 0;
  const auto flush = host.port.on_invalidate;
  host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
    free_at_flush = host.hypervisor.frames().num_free();
    flush(drop, core);
  };
  const BalloonCount count = inflate(a, 0x3000, 0x4000);
  host.port.on_invalidate = flush;
  EXPECT_EQ(count.num_taken, 1U);
  EXPECT_EQ(free_at_flush, free);
  EXPECT_EQ(host.hypervisor.frames().num_free(), free + 1);
  EXPECT_EQ(a.vm().statistics.pager.flushes, 1U);
  while (host.hypervisor.frames().num_free() != 0 &&
         host.hypervisor.owners().owner(Hpa(frame)).use == FrameUse::kFree) {
    ASSERT_TRUE(b.write(0, b.vm().resident_bytes, 77));
  }
  EXPECT_EQ(host.hypervisor.owners().owner(Hpa(frame)).vm, 1U);
  EXPECT_FALSE(a.try_write(0, 0x3000, 66));
  EXPECT_FALSE(a.try_read(1, 0x3008));
  a.expect_caches_are_true();
  b.expect_caches_are_true();
}

TEST_P(NestedPagerOf, OWN_04_AnUnalignedRangeTakesNeitherMoreNorLess) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam(), 4 * size() + 0x3000, PageSize::k2M));
  StickyGuest guest(host, vm, 2);
  for (std::uint64_t gpa = 0; gpa < 4 * size(); gpa += size()) {
    ASSERT_TRUE(guest.write(0, gpa + 8, gpa));
  }
  // From one page into the first to one page into the third, and a piece of a page on each side.
  BalloonCount count = inflate(guest, 0x1000 - 8, 2 * size() + 0x1800);
  EXPECT_EQ(count.num_taken, 2 * pieces());
  EXPECT_EQ(count.num_absent + count.num_refused, 0U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
  EXPECT_EQ(guest.vm().statistics.pager.pages_split[0], 2U) << "the one in the middle goes whole";
  EXPECT_EQ(guest.vm().ballooned.size(), 2 * pieces());
  EXPECT_TRUE(host.walk(vm, 0).has_value());
  EXPECT_FALSE(host.walk(vm, 0x1000).has_value());
  EXPECT_FALSE(host.walk(vm, 2 * size()).has_value());
  EXPECT_TRUE(host.walk(vm, 2 * size() + 0x1000).has_value());
  expect_counters_are_a_recount(guest, host);
  // Again, beyond the end of guest memory, and empty ranges.
  count = inflate(guest, 0, ~std::uint64_t{0});
  EXPECT_EQ(count.num_taken, 2 * pieces());
  EXPECT_EQ(count.num_absent, 2 * pieces() + 3);
  count = inflate(guest, 0, ~std::uint64_t{0});
  EXPECT_EQ(count.num_absent, 4 * pieces() + 3);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 2U) << "nothing was left to take";
  EXPECT_EQ(inflate(guest, 0x5000, 0x5000).num_absent, 0U);
  EXPECT_EQ(inflate(guest, 0x5001, 0x5fff).num_absent, 0U);
  expect_counters_are_a_recount(guest, host);
  EXPECT_EQ(guest.vm().resident_bytes, 0U);
}

TEST_P(NestedPagerOf, OWN_04_ManyRangesAreOneFlush) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  for (const std::uint64_t gpa : {0x1000U, 0x3000U, 0x5000U}) {
    ASSERT_TRUE(guest.write(0, gpa, gpa));
  }
  Balloon balloon(guest.context(), guest.targets());
  const auto range = [](std::uint64_t gpa) { return GuestRange{Gpa(gpa), Gpa(gpa + 0x1000)}; };
  const BalloonCount count =
      balloon.inflate(std::array{range(0x3000), range(0x1000), range(0x7000), GuestRange{}});
  guest.expect_caches_are_true();
  EXPECT_EQ(count.num_taken, 2U);
  EXPECT_EQ(count.num_absent, 1U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
  EXPECT_EQ(balloon.inflate(std::array{range(0x9000)}).num_absent, 1U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
  EXPECT_EQ(guest.read(1, 0x5000), 0x5000U);
  expect_counters_are_a_recount(guest, host);
}

TEST_P(NestedPagerOf, WhatComesBackFromABalloonIsClear) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  ASSERT_TRUE(guest.write(0, 0x3000, 5));
  ASSERT_TRUE(guest.write(0, 0x4000, 6));
  EXPECT_EQ(inflate(guest, 0x3000, 0x5000).num_taken, 2U);
  EXPECT_EQ(Balloon(guest.context(), guest.targets()).deflate(Gpa(0x3000), Gpa(0x4000)), 1U);
  EXPECT_FALSE(host.walk(vm, 0x3000).has_value()) << "on demand";
  EXPECT_EQ(guest.read(1, 0x3000), 0U);
  EXPECT_EQ(guest.read(1, 0x4000), 0U) << "used without asking";
  EXPECT_TRUE(guest.vm().ballooned.is_empty());
  EXPECT_EQ(guest.vm().statistics.pager.balloon_pages_returned, 2U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
}

TEST_P(NestedPagerOf, OWN_05_TheEndOfAVmLeavesNoWayToItsFrames) {
  Host host(kGiB);
  const std::uint64_t free = host.hypervisor.frames().num_free();
  const VmId vm = host.create(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  StickyGuest guest(host, vm, 2);
  for (std::uint64_t gpa = 0; gpa < 4 * size(); gpa += size()) {
    ASSERT_TRUE(guest.write(0, gpa, 1));
    ASSERT_TRUE(guest.write(1, gpa, 1));
  }
  inflate(guest, 0x4000, 0x5000);
  const Hpa root = guest.vm().root;
  std::uint64_t free_at_flush = 0;
  const std::uint64_t free_before = host.hypervisor.frames().num_free();
  const auto flush = host.port.on_invalidate;
  host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
    free_at_flush = host.hypervisor.frames().num_free();
    for (std::uint64_t at = 0; at < 4096; at += 8) {
      EXPECT_EQ(host.memory.read(root + at, 8), 0U);
    }
    flush(drop, core);
  };
  host.port.invalidations.clear();
  host.hypervisor.destroy_vm(host.port, vm, guest.targets());
  host.port.on_invalidate = flush;
  EXPECT_EQ(free_at_flush, free_before);
  EXPECT_EQ(host.port.invalidations.size(), 2U) << "one for each core";
  EXPECT_EQ(guest.num_cached(), 0U);
  EXPECT_EQ(host.hypervisor.frames().num_free(), free);
  EXPECT_EQ(guest.vm().resident_bytes, 0U);
  host.hypervisor.owners().for_each_range(
      [](Hpa first, std::uint64_t, FrameOwner) { ADD_FAILURE() << first.value() << " is owned"; });
  EXPECT_GT(host.port.spent.cycles(Cause::kVmTeardown), 0U);
}

TEST_P(NestedPagerOf, OWN_08_NoFrameIsInTwoVms) {
  Host host;
  const VmId first = host.create(vm_of(GetParam()));
  const VmId second = host.create(vm_of(GetParam()));
  StickyGuest a(host, first, 1);
  StickyGuest b(host, second, 1);
  for (std::uint64_t gpa = 0; gpa < 0x20000; gpa += 0x1000) {
    ASSERT_TRUE(a.read(0, gpa));  // untouched memory reads as zeros in both
    ASSERT_TRUE(b.read(0, gpa));
    if (gpa % 0x3000 == 0) {
      inflate(a, gpa, gpa + 0x1000);
    }
  }
  HostStage stage(a.context(), Cause::kBalloon);
  stage.for_each_leaf(Gpa{}, Gpa(64 * kMiB), [&](HostEntry& leaf) {
    EXPECT_EQ(host.hypervisor.owners().owner(Hpa(stage.view(leaf).address())).vm, 0U);
  });
  b.expect_caches_are_true();
}

TEST(HypervisorOwnership, OWN_09_NumbersAndFramesAreReusedByTenThousandVms) {
  for (const Dressing& dressing :
       {Dressing{HostFormat::kEptFourLevel, true}, Dressing{HostFormat::kNptFourLevel, false}}) {
    Host host({}, kMiB, FrameAllocator<Hpa>(Hpa{0}, 32 * 4096));
    const VmId other = host.create(vm_of(dressing));
    StickyGuest bystander(host, other, 2);
    ASSERT_TRUE(bystander.write(0, 0x1000, 7));
    for (std::uint64_t life = 0; life < 10'000; ++life) {
      const VmId vm = host.create(vm_of(dressing));
      ASSERT_EQ(vm, VmId{1}) << "the number is free again";
      StickyGuest guest(host, vm, 2);
      ASSERT_EQ(guest.read(0, life % 8 << 12), 0U) << "content of a dead VM";
      ASSERT_TRUE(guest.write(1, life % 8 << 12, life + 1));
      ASSERT_NO_FATAL_FAILURE(guest.expect_caches_are_true());
      host.hypervisor.destroy_vm(host.port, vm, guest.targets());
      ASSERT_EQ(guest.num_cached(), 0U) << "a tag of the dead VM is left";
      host.port.invalidations.clear();
    }
    EXPECT_EQ(bystander.read(1, 0x1000), 7U);
    EXPECT_EQ(host.hypervisor.num_vms(), 2U);
  }
}

TEST(HypervisorOwnership, OWN_10_AddressesOfTheGuestPassTheHostStage) {
  Host host;
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  StickyGuest guest(host, vm, 1);
  ASSERT_TRUE(write_guest(guest.context(), Cause::kEptViolation, Gpa(0x3008), 8, 5));
  EXPECT_EQ(guest.read(0, 0x3008), 5U);
  const FrameOwner expected{FrameUse::kGuestFrame, 0};
  EXPECT_EQ(host.hypervisor.owners().owner(Hpa(host.walk(vm, 0x3008)->output)), expected);
  EXPECT_DEATH(
      static_cast<void>(write_guest(guest.context(), Cause::kEptViolation, Gpa(64 * kMiB), 8, 5)),
      "memory that the guest has");
}

// A destroyed VM's number: nothing the new VM does hits what the old one had cached.
TEST_P(NestedPagerOf, NTL_09_ANewVmWithTheSameNumberStartsClean) {
  Host host({}, kGiB, FrameAllocator<Hpa>(Hpa{0}, 64 * 4096));
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  ASSERT_TRUE(guest.write(0, 0x3000, 5));
  ASSERT_TRUE(guest.write(1, 0x3000, 5));
  host.hypervisor.destroy_vm(host.port, vm, guest.targets());
  ASSERT_EQ(host.create(vm_of(GetParam())), vm);
  EXPECT_FALSE(guest.try_read(0, 0x3000)) << "the same caches, the new VM's tables";
  EXPECT_EQ(guest.read(1, 0x3000), 0U);
  guest.expect_caches_are_true();
  EXPECT_EQ(guest.vm().statistics.exits, 1U) << "statistics begin anew";
}

// The frame of a guest table moves while cores know where it was.
TEST_P(NestedPagerOf, PWC_08_AMovedFrameIsNotFoundWhereItWas) {
  for (const MigrationMethod method :
       {MigrationMethod::kNotPresent, MigrationMethod::kWriteProtect}) {
    Host host;
    VmParams params = vm_of(GetParam());
    params.migration = method;
    const VmId vm = host.create(params);
    StickyGuest guest(host, vm, 2);
    ASSERT_TRUE(guest.write(0, 0x3000, 0x1234));
    ASSERT_TRUE(guest.write(1, 0x3000, 0x5678));
    const auto before = host.walk(vm, 0x3000);
    const auto count =
        FrameMigration(guest.context(), guest.targets()).move_range(Gpa(0x3000), Gpa(0x4000));
    EXPECT_EQ(count.num_moved, 1U);
    guest.expect_caches_are_true();
    const auto after = host.walk(vm, 0x3000);
    EXPECT_NE(after->output, before->output);
    EXPECT_EQ(after->entry & ~mask(51, 12), before->entry & ~mask(51, 12)) << "rights, A and D";
    EXPECT_EQ(guest.read(0, 0x3000), 0x5678U);
    EXPECT_EQ(guest.vm().statistics.pager.flushes,
              method == MigrationMethod::kNotPresent ? 1U : 2U);
    EXPECT_EQ(host.hypervisor.owners().owner(Hpa(before->output)).use, FrameUse::kFree);
    expect_counters_are_a_recount(guest, host);
  }
}

}  // namespace
}  // namespace nestwalk::test
