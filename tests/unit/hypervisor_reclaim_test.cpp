// Pages that leave a VM against its will and come back: the clock, swap, the limit, migration.
#include <gtest/gtest.h>

#include "model/hypervisor/balloon.h"
#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/frame_migration.h"
#include "model/hypervisor/host_reclaim.h"
#include "tests/unit/hypervisor_dressings.h"

namespace nestwalk::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Formats, NestedPagerOf, ::testing::ValuesIn(kDressings), dressing_label);

std::uint64_t swap_out(StickyGuest& guest, std::uint64_t num_pages) {
  const std::uint64_t done = HostReclaim(guest.context(), guest.targets()).swap_out(num_pages);
  guest.expect_caches_are_true();
  return done;
}

TEST_P(NestedPagerOf, ContentSurvivesSwap) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  for (std::uint64_t gpa = 0; gpa < 0x8000; gpa += 0x1000) {
    ASSERT_TRUE(guest.write(gpa / 0x1000 % 2, gpa, gpa == 0x5000 ? 0 : gpa + 1));
  }
  const std::uint64_t free = host.hypervisor.frames().num_free();
  EXPECT_EQ(swap_out(guest, 100), 8U) << "the VM has no more";
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
  EXPECT_EQ(host.hypervisor.frames().num_free(), free + 8);
  EXPECT_EQ(guest.vm().swap.num_pages(), 8U);
  EXPECT_EQ(guest.vm().resident_bytes, 0U);
  EXPECT_EQ(host.port.spent.cycles(Cause::kReclaim),
            8U * (host.params.swap_out_4k_cycles + host.params.page_update_cycles) +
                (guest.has_accessed_dirty() ? 8U * host.params.page_update_cycles : 0));
  for (std::uint64_t gpa = 0; gpa < 0x8000; gpa += 0x1000) {
    EXPECT_EQ(guest.read(0, gpa), gpa == 0x5000 ? 0 : gpa + 1);
  }
  EXPECT_EQ(host.port.spent.cycles(Cause::kSwapIn), 8U * host.params.swap_in_4k_cycles);
  EXPECT_EQ(guest.vm().swap.num_pages(), 0U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U) << "coming back needs none";
}

TEST_P(NestedPagerOf, TheClockSparesWhatWasUsedSince) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  for (std::uint64_t gpa = 0; gpa < 0x4000; gpa += 0x1000) {
    ASSERT_TRUE(guest.write(0, gpa, gpa));
  }
  EXPECT_EQ(swap_out(guest, 1), 1U);
  EXPECT_TRUE(guest.vm().swap.contains(Gpa{0}));
  if (!guest.has_accessed_dirty()) {
    EXPECT_EQ(swap_out(guest, 1), 1U);
    EXPECT_TRUE(guest.vm().swap.contains(Gpa{0x1000})) << "first in, first out";
    return;
  }
  EXPECT_EQ(guest.vm().statistics.pager.reclaim_accessed_cleared, 4U);
  ASSERT_TRUE(guest.read(1, 0x1000));  // sets A again: the flush has made the core walk
  EXPECT_EQ(swap_out(guest, 1), 1U);
  EXPECT_FALSE(guest.vm().swap.contains(Gpa{0x1000}));
  EXPECT_TRUE(guest.vm().swap.contains(Gpa{0x2000}));
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 2U);
}

// Whatever the hand clears is used again at once: no victim, but A was taken from both pages.
TEST_P(NestedPagerOf, ClearedABitsAreFlushedEvenWithoutAVictim) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 2);
  if (!guest.has_accessed_dirty()) {
    return;  // every page is a victim
  }
  ASSERT_TRUE(guest.read(0, 0x1000));
  ASSERT_TRUE(guest.read(0, 0x2000));
  const std::uint64_t accessed = guest.flag(ept::kAccessed, x86::kAccessed);
  const unsigned bytes = shape_of(GetParam().format).entry_bytes;
  host.port.before_swap = [&](Hpa at) {
    const Hpa first(host.walk(vm, 0x1000)->entry_address);
    const Hpa other = at == first ? first + bytes : first;
    host.memory.write(other, bytes, host.memory.read(other, bytes) | accessed);
  };
  EXPECT_EQ(HostReclaim(guest.context(), guest.targets()).swap_out(1), 0U);
  EXPECT_EQ(guest.vm().statistics.pager.reclaim_accessed_cleared, 4U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U);
  EXPECT_FALSE(guest.is_cached(0, 0x1000));
}

TEST_P(NestedPagerOf, LargePagesAreSwappedInPieces) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  StickyGuest guest(host, vm, 2);
  ASSERT_TRUE(guest.write(0, 0x1000, 5));
  EXPECT_EQ(swap_out(guest, 3), 3U);
  EXPECT_EQ(guest.vm().statistics.pager.pages_split[0], 1U);
  EXPECT_EQ(guest.vm().resident_bytes, size() - 3 * 4096);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 1U) << "split and swap together";
  EXPECT_EQ(guest.read(1, 0x1000), 5U);
  EXPECT_EQ(host.walk(vm, 0x1000)->page_bits, 12U);
  EXPECT_EQ(guest.vm().statistics.backing_fallbacks, 0U);
}

TEST_P(NestedPagerOf, AVmAtItsLimitSwapsABatchForTheNextPage) {
  Host host;
  VmParams params = vm_of(GetParam());
  params.resident_limit_bytes = 16 * 4096;
  params.reclaim_batch_pages = 4;
  const VmId vm = host.create(params);
  StickyGuest guest(host, vm, 2);
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t p = 0; p < 40; ++p) {
      ASSERT_EQ(guest.read(p % 2, p << 12), round == 0 ? 0 : p * 10 + round - 1);
      ASSERT_TRUE(guest.write(p % 2, p << 12, p * 10 + round));
      ASSERT_LE(guest.vm().resident_bytes, params.resident_limit_bytes);
    }
  }
  const PagerStatistics& statistics = guest.vm().statistics.pager;
  EXPECT_EQ(statistics.pages_swapped_out - statistics.pages_swapped_in,
            40U - guest.vm().resident_bytes / 4096);
  EXPECT_EQ(statistics.pages_swapped_out % 4, 0U);
  EXPECT_EQ(statistics.flushes, statistics.pages_swapped_out / 4);
  guest.expect_caches_are_true();
}

// A fault that brings in no page takes none away.
TEST_P(NestedPagerOf, AFaultForARightNeedsNoRoom) {
  Host host;
  VmParams params = vm_of(GetParam());
  params.resident_limit_bytes = 8 * 4096;
  params.reclaim_batch_pages = 2;
  const VmId vm = host.create(params);
  StickyGuest guest(host, vm, 1);
  for (std::uint64_t p = 0; p < 8; ++p) {
    ASSERT_TRUE(guest.write(0, p << 12, p));
  }
  DirtyLogger(guest.context(), guest.targets()).start(Gpa{0}, Gpa{64 * kMiB});
  ASSERT_TRUE(guest.write(0, 0x3000, 9));
  EXPECT_EQ(guest.vm().statistics.pager.pages_swapped_out, 0U);
  ASSERT_TRUE(guest.read(0, 0x8000));
  EXPECT_EQ(guest.vm().statistics.pager.pages_swapped_out, 2U);
  EXPECT_EQ(guest.vm().resident_bytes, 7U * 4096);
}

TEST_P(NestedPagerOf, ALogKnowsWhatWasWrittenBeforeAPageWasSwapped) {
  for (const DirtyLogMethod method : {DirtyLogMethod::kWriteProtect, DirtyLogMethod::kDirtyBits}) {
    Host host;
    VmParams params = vm_of(GetParam());
    params.dirty_log_method = method;
    const VmId vm = host.create(params);
    StickyGuest guest(host, vm, 2);
    for (const std::uint64_t gpa : {0x1000U, 0x2000U, 0x3000U}) {
      ASSERT_TRUE(guest.write(0, gpa, gpa));
    }
    DirtyLogger logger(guest.context(), guest.targets());
    logger.start(Gpa{0}, Gpa{64 * kMiB});
    ASSERT_TRUE(guest.write(0, 0x2000, 9));
    EXPECT_EQ(swap_out(guest, 3), 3U);
    ASSERT_TRUE(guest.read(1, 0x1000));
    ASSERT_TRUE(guest.read(1, 0x2000));
    ASSERT_TRUE(guest.write(1, 0x3000, 8));
    const std::uint64_t faults = guest.num_faults();
    PageSet pages = logger.harvest();
    EXPECT_EQ(pages.size(), 2U);
    EXPECT_TRUE(pages.contains(Gpa{0x2000}) && pages.contains(Gpa{0x3000}));
    EXPECT_EQ(
        faults,
        3U + (guest.has_accessed_dirty() && method == DirtyLogMethod::kDirtyBits ? 0U : 1U) + 3U)
        << "the write brought its page back writable";
    ASSERT_TRUE(guest.write(0, 0x1000, 7));
    pages = logger.harvest();
    EXPECT_EQ(pages.size(), 1U);
    EXPECT_TRUE(pages.contains(Gpa{0x1000}));
  }
}

TEST_P(NestedPagerOf, SwappedContentGoesWithTheBalloon) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  StickyGuest guest(host, vm, 1);
  ASSERT_TRUE(guest.write(0, 0x1000, 5));
  EXPECT_EQ(swap_out(guest, 1), 1U);
  Balloon balloon(guest.context(), guest.targets());
  EXPECT_EQ(balloon.inflate(Gpa{0x1000}, Gpa{0x2000}).num_absent, 1U);
  EXPECT_EQ(guest.vm().swap.num_pages(), 0U);
  EXPECT_EQ(guest.read(0, 0x1000), 0U);
}

// While a page moves under write protection every core reads it, and none writes it.
TEST_P(NestedPagerOf, MigrationKeepsReadersOrStopsThem) {
  for (const MigrationMethod method :
       {MigrationMethod::kWriteProtect, MigrationMethod::kNotPresent}) {
    Host host;
    VmParams params = vm_of(GetParam(), 64 * kMiB, PageSize::k2M);
    params.migration = method;
    const VmId vm = host.create(params);
    StickyGuest guest(host, vm, 2);
    ASSERT_TRUE(guest.write(0, 0x3000, 5));
    ASSERT_TRUE(guest.write(1, 0x3000, 5));
    bool has_flushed = false;
    unsigned reads = 0;
    const auto flush = host.port.on_invalidate;
    host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
      if (has_flushed) {  // the first flush is over
        EXPECT_FALSE(guest.try_write(0, 0x3000, 6));
        reads += guest.try_read(0, 0x3000) == 5U ? 1 : 0;
      }
      flush(drop, core);
      has_flushed = has_flushed || core == 1;
    };
    FrameMigration migration(guest.context(), guest.targets());
    EXPECT_EQ(migration.move_range(Gpa{0}, Gpa{0x1000}).num_moved, 1U);
    host.port.on_invalidate = flush;
    EXPECT_EQ(reads, method == MigrationMethod::kWriteProtect ? 2U : 0U);
    guest.expect_caches_are_true();
    EXPECT_EQ(host.walk(vm, 0)->page_bits, bits());
    EXPECT_EQ(guest.read(1, 0x3000), 5U);
    EXPECT_TRUE(guest.try_write(1, 0x3000, 7)) << "the right to write is back";
    EXPECT_EQ(host.port.spent.cycles(Cause::kMigration),
              std::uint64_t{host.params.copy_4k_cycles} * pieces() +
                  host.params.frame_allocation_cycles + host.params.page_update_cycles);
  }
}

TEST(HypervisorReclaim, MigrationWithoutAFrameChangesNothing) {
  Host host({}, kMiB, FrameAllocator<Hpa>(Hpa{0}, 5 * 4096));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  StickyGuest guest(host, vm, 1);
  ASSERT_TRUE(guest.write(0, 0, 5));
  const auto count =
      FrameMigration(guest.context(), guest.targets()).move_range(Gpa{0}, Gpa{0x1000});
  EXPECT_EQ(count.num_refused, 1U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 0U);
  EXPECT_TRUE(guest.try_write(0, 0, 6));
}

}  // namespace
}  // namespace nestwalk::test
