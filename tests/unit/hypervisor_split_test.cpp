// Host pages split and merged: catalogue series SPL as far as it concerns the host stage.
#include <gtest/gtest.h>

#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/host_actions.h"
#include "model/hypervisor/stage_merge.h"
#include "model/hypervisor/stage_split.h"
#include "tests/unit/hypervisor_dressings.h"

namespace nestwalk::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Formats, NestedPagerOf, ::testing::ValuesIn(kDressings), dressing_label);

constexpr std::uint64_t kEnd = ~std::uint64_t{0};

// A guest on large host pages.
struct Large {
  explicit Large(const VmParams& params, std::uint64_t memory_bytes = 16 * kGiB)
      : host(memory_bytes), vm(host.create(params)), guest(host, vm, 2) {}

  void act(HostAction action, std::uint64_t start = 0, std::uint64_t end = kEnd) {
    HostActions(guest.context(), guest.targets())
        .run(action, std::array{GuestRange{Gpa(start), Gpa(end)}});
    guest.expect_caches_are_true();
  }
  const PagerStatistics& statistics() const { return guest.vm().statistics.pager; }
  std::uint64_t tables() const {
    return host.hypervisor.owners().num_bytes({FrameUse::kHostTable, 0}) >> 12;
  }

  Host host;
  VmId vm;
  StickyGuest guest;
};

TEST_P(NestedPagerOf, SPL_01_SplitWhileAnotherCoreHasTheLargePage) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  ASSERT_TRUE(large.guest.write(0, 0x3000, 5));
  ASSERT_TRUE(large.guest.write(1, 0x5000, 6));
  const auto before = large.host.walk(large.vm, 0);
  const std::uint64_t tables = large.tables();
  large.act(HostAction::kSplit);
  EXPECT_FALSE(large.guest.is_cached(1, 0x5000)) << "both sizes would live";
  EXPECT_EQ(large.statistics().flushes, 1U);
  EXPECT_EQ(large.statistics().pages_split[0], 1U);
  EXPECT_EQ(large.tables(), tables + 1);
  EXPECT_EQ(large.host.hypervisor.owners().num_bytes({FrameUse::kGuestFrame, 0}), size());
  const std::uint64_t dirty = large.guest.flag(ept::kDirty, x86::kDirty);
  const std::uint64_t accessed = large.guest.flag(ept::kAccessed, x86::kAccessed);
  for (std::uint64_t gpa = 0; gpa < size(); gpa += 4096) {
    const auto piece = large.host.walk(large.vm, gpa);
    ASSERT_TRUE(piece && piece->page_bits == 12 && piece->write && piece->execute);
    ASSERT_EQ(piece->output, before->output + gpa);
    const bool is_set = large.guest.has_accessed_dirty();
    ASSERT_EQ((piece->entry & dirty) != 0, is_set) << "D is copied";
    ASSERT_EQ((piece->entry & accessed) != 0, is_set) << "A is copied";
  }
  EXPECT_EQ(large.guest.read(0, 0x3000), 5U);
  large.act(HostAction::kSplit);
  EXPECT_EQ(large.statistics().flushes, 1U) << "nothing was left to split";
  EXPECT_GT(large.host.port.spent.cycles(Cause::kHostSplitMerge), 0U);
}

TEST_P(NestedPagerOf, SPL_02_AfterALogPagesMergeAndTheirTableIsFree) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  ASSERT_TRUE(large.guest.write(0, size() + 0x3000, 5));
  const auto before = large.host.walk(large.vm, size());
  const std::uint64_t tables = large.tables();
  const std::uint64_t free = large.host.hypervisor.frames().num_free();
  large.act(HostAction::kDirtyLogStart);
  ASSERT_TRUE(large.guest.write(1, size() + 0x7000, 6));
  large.act(HostAction::kMerge);
  EXPECT_EQ(large.statistics().pages_merged[0], 0U) << "a log wants small pages";
  large.act(HostAction::kDirtyLogStop);
  const std::uint64_t flushes = large.statistics().flushes;
  large.act(HostAction::kMerge);
  EXPECT_EQ(large.statistics().flushes, flushes + 1);
  EXPECT_EQ(large.statistics().pages_merged[0], 1U);
  EXPECT_EQ(large.tables(), tables);
  EXPECT_EQ(large.host.hypervisor.frames().num_free(), free);
  const auto after = large.host.walk(large.vm, size());
  EXPECT_EQ(after->output, before->output);
  EXPECT_EQ(after->page_bits, bits());
  EXPECT_TRUE(after->write);
  EXPECT_EQ(after->has(large.guest.has_accessed_dirty()
                           ? (shape_of(GetParam().format).is_ept ? ept::kDirty : x86::kDirty)
                           : 0),
            true);
  EXPECT_EQ(large.guest.read(0, size() + 0x7000), 6U);
  EXPECT_EQ(large.guest.read(1, size() + 0x3000), 5U);
}

// D that the MMU sets in the old table while it is unlinked already.
TEST_P(NestedPagerOf, SPL_02_LateDirtyBitsReachTheMergedPage) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  if (!large.guest.has_accessed_dirty()) {
    return;  // there is nothing to lose
  }
  ASSERT_TRUE(large.guest.read(0, 0));
  large.act(HostAction::kSplit);
  ASSERT_TRUE(large.guest.read(1, 0x3000));
  const auto flush = large.host.port.on_invalidate;
  large.host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
    // Through the pointer to the table that core 1 still has.
    EXPECT_TRUE(core != 1 || large.guest.try_write(1, 0x3000, 9));
    flush(drop, core);
  };
  large.act(HostAction::kMerge);
  large.host.port.on_invalidate = flush;
  const auto leaf = large.host.walk(large.vm, 0);
  EXPECT_EQ(leaf->page_bits, bits());
  EXPECT_NE(leaf->entry & large.guest.flag(ept::kDirty, x86::kDirty), 0U);
  EXPECT_EQ(large.guest.read(0, 0x3000), 9U);
}

TEST_P(NestedPagerOf, SPL_05_ATableIsFullBeforeOneSwapLinksIt) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  ASSERT_TRUE(large.guest.read(0, 0));
  const auto before = large.host.walk(large.vm, 0x5123);
  unsigned swaps = 0;
  large.host.port.after_store = [&] {
    const auto now = large.host.walk(large.vm, 0x5123);
    ASSERT_TRUE(now.has_value());
    EXPECT_EQ(now->output, before->output);
    EXPECT_EQ(now->page_bits, bits()) << "linked before it is full";
  };
  const std::uint64_t dirty = large.guest.flag(ept::kDirty, x86::kDirty);
  large.host.port.before_swap = [&](Hpa at) {
    if (swaps++ == 0 && large.guest.has_accessed_dirty()) {  // the MMU gets in between
      const unsigned bytes = shape_of(GetParam().format).entry_bytes;
      large.host.memory.write(at, bytes, large.host.memory.read(at, bytes) | dirty);
    }
  };
  large.act(HostAction::kSplit);
  EXPECT_EQ(swaps, large.guest.has_accessed_dirty() ? 2U : 1U);
  large.host.port.after_store = nullptr;
  if (large.guest.has_accessed_dirty()) {
    EXPECT_NE(large.host.walk(large.vm, 0x5123)->entry & dirty, 0U) << "D of the last moment";
  }
}

// Whoever comes second finds what the first one left, and does nothing to it.
TEST_P(NestedPagerOf, SPL_06_SplitAndMergeOfOneRangeTwice) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  ASSERT_TRUE(large.guest.write(0, 0, 5));
  for (unsigned i = 0; i < 2; ++i) {
    large.act(HostAction::kSplit);
  }
  for (unsigned i = 0; i < 2; ++i) {
    large.act(HostAction::kMerge);
  }
  EXPECT_EQ(large.statistics().pages_split[0], 1U);
  EXPECT_EQ(large.statistics().pages_merged[0], 1U);
  EXPECT_EQ(large.statistics().tables_freed, 1U);
  EXPECT_EQ(large.statistics().flushes, 2U);
  EXPECT_EQ(large.guest.read(1, 0), 5U);
}

TEST_P(NestedPagerOf, SPL_08_EveryEntryIsVisitedOnce) {
  Large large(vm_of(GetParam(), 8 * size(), PageSize::k2M));
  for (std::uint64_t gpa = 0; gpa < 8 * size(); gpa += size()) {
    if (gpa != 3 * size()) {
      ASSERT_TRUE(large.guest.read(0, gpa));
    }
  }
  large.act(HostAction::kSplit, size() + 4096, 5 * size());
  EXPECT_EQ(large.statistics().pages_split[0], 3U);  // 1, 2 and 4 of 0 to 7
  HostStage stage(large.guest.context(), Cause::kHostSplitMerge);
  std::uint64_t next = 0;
  std::uint64_t leaves = 0;
  stage.for_each_leaf(Gpa{}, Gpa(8 * size()), [&](HostEntry& leaf) {
    EXPECT_GE(leaf.start.value(), next);
    next = leaf.start.value() + bit(stage.page_bits(leaf));
    ++leaves;
  });
  EXPECT_EQ(leaves, 4 + 3 * pieces());
}

// Split, then one piece read-only: the flush that follows both covers the large entry too.
TEST_P(NestedPagerOf, SPL_10_ARightTakenFromAPieceHolds) {
  VmParams params = vm_of(GetParam(), 64 * kMiB, PageSize::k2M);
  Large large(params);
  ASSERT_TRUE(large.guest.write(1, 0x3000, 1));
  DirtyLogger(large.guest.context(), large.guest.targets()).start(Gpa(0x3000), Gpa(0x4000));
  large.guest.expect_caches_are_true();
  EXPECT_EQ(large.statistics().flushes, 1U);
  EXPECT_FALSE(large.guest.try_write(1, 0x3000, 2));
  ASSERT_TRUE(large.guest.try_write(1, 0x2000, 2));
}

TEST_P(NestedPagerOf, ScatteredPagesCollapseByCopyBehindAClearedEntry) {
  Large large(vm_of(GetParam(), 64 * kMiB));
  for (std::uint64_t p = pieces(); p-- > 0;) {
    ASSERT_TRUE(large.guest.write(p % 2, p << 12, p + 1));
  }
  large.act(HostAction::kMerge);
  EXPECT_EQ(large.statistics().pages_merged[0], 0U) << "the frames lie backwards";
  EXPECT_EQ(large.statistics().merges_refused, 1U);
  EXPECT_EQ(large.statistics().flushes, 0U);
  const auto flush = large.host.port.on_invalidate;
  large.host.port.on_invalidate = [&](const Invalidation& drop, unsigned core) {
    EXPECT_FALSE(large.host.walk(large.vm, 0).has_value()) << "frame and size change together";
    EXPECT_TRUE(large.guest.try_write(core, 0x3000, 99)) << "still cached, not yet copied";
    flush(drop, core);
  };
  large.act(HostAction::kCollapse);
  large.host.port.on_invalidate = flush;
  EXPECT_EQ(large.statistics().pages_collapsed[0], 1U);
  EXPECT_EQ(large.statistics().flushes, 1U);
  EXPECT_EQ(large.host.walk(large.vm, 0)->page_bits, bits());
  EXPECT_EQ(large.host.hypervisor.owners().num_bytes({FrameUse::kGuestFrame, 0}), size());
  for (std::uint64_t p = 0; p < pieces(); ++p) {
    ASSERT_EQ(large.guest.read(p % 2, p << 12), p == 3 ? 99 : p + 1);
  }
  EXPECT_EQ(large.host.port.spent.cycles(Cause::kHostSplitMerge),
            std::uint64_t{large.host.params.copy_4k_cycles} * pieces() +
                large.host.params.frame_allocation_cycles + large.host.params.page_update_cycles);
}

TEST_P(NestedPagerOf, BlocksThatAreNoPageStay) {
  Large large(vm_of(GetParam(), 64 * kMiB, PageSize::k2M));
  ASSERT_TRUE(large.guest.read(0, 0));
  ASSERT_TRUE(large.guest.read(0, size()));
  large.act(HostAction::kSplit);
  const auto piece = large.host.walk(large.vm, 0x3000);
  const unsigned bytes = shape_of(GetParam().format).entry_bytes;
  large.host.memory.write(Hpa(piece->entry_address), bytes, piece->entry & ~std::uint64_t{2});
  const auto other = large.host.walk(large.vm, size() + 0x3000);
  large.host.memory.write(Hpa(other->entry_address), bytes, 0);
  HostActions(large.guest.context(), large.guest.targets())
      .run(HostAction::kCollapse, std::array{GuestRange{Gpa{}, Gpa(kEnd)}});
  EXPECT_EQ(large.statistics().merges_refused, 2U) << "one read-only piece, one missing";
  EXPECT_EQ(large.statistics().tables_freed, 0U);
}

TEST(HypervisorSplit, GigabytePagesGoAllTheWayAndBack) {
  for (const Dressing& dressing :
       {Dressing{HostFormat::kEptFourLevel, true}, Dressing{HostFormat::kNptFiveLevel, false}}) {
    Large large(vm_of(dressing, 2 * kGiB, PageSize::k1G));
    ASSERT_TRUE(large.guest.write(0, kGiB + 0x3000, 4));
    const std::uint64_t tables = large.tables();
    large.act(HostAction::kSplit, kGiB + 0x3000, kGiB + 0x4000);
    EXPECT_EQ(large.statistics().pages_split, (std::array<std::uint64_t, 2>{1, 1}));
    EXPECT_EQ(large.host.walk(large.vm, kGiB)->page_bits, 12U);
    EXPECT_EQ(large.host.walk(large.vm, kGiB + 2 * kMiB)->page_bits, 21U);
    EXPECT_EQ(large.tables(), tables + 2);
    EXPECT_EQ(large.statistics().flushes, 1U);
    large.act(HostAction::kMerge);
    EXPECT_EQ(large.host.walk(large.vm, kGiB)->page_bits, 30U);
    EXPECT_EQ(large.statistics().pages_merged, (std::array<std::uint64_t, 2>{1, 1}));
    EXPECT_EQ(large.statistics().flushes, 3U) << "one for each size";
    EXPECT_EQ(large.tables(), tables);
    EXPECT_EQ(large.guest.read(1, kGiB + 0x3000), 4U);
  }
}

TEST(HypervisorSplit, WithoutAFrameForTheTableThePageStaysWhole) {
  Host host({}, 16 * kMiB, FrameAllocator<Hpa>(Hpa{0}, 2 * kMiB + 2 * kMiB));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 2 * kMiB, PageSize::k2M));
  StickyGuest guest(host, vm, 1);
  ASSERT_TRUE(guest.write(0, 0, 1));
  std::vector<VmId> others;
  while (host.hypervisor.frames().num_free() != 0) {
    others.push_back(host.create(vm_of(HostFormat::kEptFourLevel, 2 * kMiB)));
  }
  HostActions(guest.context(), guest.targets())
      .run(HostAction::kSplit, std::array{GuestRange{Gpa{}, Gpa(kEnd)}});
  EXPECT_EQ(guest.vm().statistics.pager.splits_refused, 1U);
  EXPECT_EQ(guest.vm().statistics.pager.flushes, 0U);
  EXPECT_EQ(host.walk(vm, 0)->page_bits, 21U);
}

}  // namespace
}  // namespace nestwalk::test
