// brk and mmap over what is there: the heap's region, its pages, and where it may not go.
#include <gtest/gtest.h>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;

class GuestBreak : public ::testing::Test {
 protected:
  GuestBreak() : guest_(machine_of(FormatId::kX86FourLevel)), process_(guest_.start()) {}

  BreakOutcome set_break(std::uint64_t end) {
    return guest_.kernel.set_break(guest_.cpu, process_, Gva(end));
  }
  std::vector<GuestRegion> regions() { return guest_.kernel.process(process_).regions.list(); }

  Guest guest_;
  ProcessId process_;
};

TEST_F(GuestBreak, GrowsAndShrinksTheHeapThatIsMapped) {
  ASSERT_EQ(guest_.kernel.map_region(guest_.cpu, process_,
                                     {Gva(kStart), 2 * 4096, {true, true, false}, "[heap]"}),
            MapOutcome::kMapped);
  guest_.map(process_, kStart - 4096, 4096);
  guest_.touch(process_, kStart, 2);
  const std::uint64_t num_free = guest_.kernel.frames().num_free();
  EXPECT_EQ(guest_.fault(process_, kStart + 2 * 4096), FaultOutcome::kSegfault);
  ASSERT_EQ(set_break(kStart + 3 * 4096 + 1), BreakOutcome::kMoved);  // rounded up
  ASSERT_EQ(regions().size(), 2U) << "one heap";
  EXPECT_EQ(regions()[1].end(), Gva(kStart + 4 * 4096));
  guest_.touch(process_, kStart + 2 * 4096, 2);
  ASSERT_EQ(set_break(kStart + 2 * 4096), BreakOutcome::kMoved);
  EXPECT_EQ(guest_.kernel.frames().num_free(), num_free);
  EXPECT_EQ(guest_.cpu.invalidations.size(), 2U);
  EXPECT_EQ(guest_.fault(process_, kStart + 2 * 4096), FaultOutcome::kSegfault);
  ASSERT_EQ(set_break(kStart), BreakOutcome::kMoved);
  EXPECT_EQ(regions().size(), 1U);
  ASSERT_EQ(set_break(kStart + 4096), BreakOutcome::kMoved) << "the start is remembered";
  EXPECT_EQ(regions()[1].start, Gva(kStart));
  EXPECT_EQ(regions()[1].name, "[heap]");
  EXPECT_EQ(guest_.kernel.statistics().breaks, 4U);
}

TEST_F(GuestBreak, WithoutAHeapItBeginsBehindTheRegionBelow) {
  EXPECT_EQ(set_break(kStart), BreakOutcome::kNoDataSegment);
  guest_.map(process_, kStart, 4096);
  guest_.map(process_, 2 * kStart, 4096);
  ASSERT_EQ(set_break(kStart + 3 * 4096), BreakOutcome::kMoved);
  ASSERT_EQ(regions().size(), 3U);
  EXPECT_EQ(regions()[1].start, Gva(kStart + 4096));
  EXPECT_EQ(regions()[1].end(), Gva(kStart + 3 * 4096));
  EXPECT_EQ(guest_.fault(process_, kStart + 4096), FaultOutcome::kMapped);
  EXPECT_EQ(set_break(kStart), BreakOutcome::kBadRange);
  EXPECT_EQ(set_break(2 * kStart + 4096), BreakOutcome::kOverlap);
  EXPECT_EQ(set_break(0xffff'ffff'f000), BreakOutcome::kBadRange);
  EXPECT_EQ(set_break(kStart + 3 * 4096), BreakOutcome::kMoved) << "as it was";
  EXPECT_EQ(regions().size(), 3U);
}

TEST_F(GuestBreak, AForkInheritsItAndAnExecForgetsIt) {
  guest_.map(process_, kStart, 4096);
  ASSERT_EQ(set_break(kStart + 4 * 4096), BreakOutcome::kMoved);
  const ProcessId child = guest_.kernel.fork(guest_.cpu, process_).value();
  ASSERT_EQ(guest_.kernel.set_break(guest_.cpu, child, Gva(kStart + 2 * 4096)),
            BreakOutcome::kMoved);
  EXPECT_EQ(guest_.kernel.process(child).regions.list().back().end(), Gva(kStart + 2 * 4096));
  EXPECT_EQ(regions().back().end(), Gva(kStart + 4 * 4096));
  ASSERT_TRUE(guest_.kernel.exec(guest_.cpu, child));
  EXPECT_EQ(guest_.kernel.set_break(guest_.cpu, child, Gva(kStart + 2 * 4096)),
            BreakOutcome::kNoDataSegment);
}

TEST_F(GuestBreak, AFixedMappingReplacesWhatIsThere) {
  guest_.map(process_, kStart, 4 * 4096);
  guest_.touch(process_, kStart, 4);
  const std::uint64_t num_free = guest_.kernel.frames().num_free();
  guest_.cpu.spent = {};
  ASSERT_EQ(guest_.kernel.map_region_fixed(
                guest_.cpu, process_, {Gva(kStart + 4096), 2 * 4096, {true, false, false}, "b"}),
            MapOutcome::kMapped);
  EXPECT_EQ(guest_.cpu.spent.cycles(Cause::kGuestSystemCall),
            guest_.kernel.params().region_cycles +
                std::uint64_t{2} * (guest_.kernel.params().unmap_page_cycles +
                                    guest_.kernel.params().frame_allocation_cycles))
      << "one system call";
  EXPECT_EQ(guest_.kernel.frames().num_free(), num_free + 2);
  EXPECT_FALSE(guest_.cpu.walk(Gva(kStart + 4096)));
  EXPECT_TRUE(guest_.cpu.walk(Gva(kStart)));
  EXPECT_TRUE(guest_.cpu.walk(Gva(kStart + 3 * 4096)));
  ASSERT_EQ(regions().size(), 3U);
  EXPECT_EQ(guest_.kernel.map_region_fixed(guest_.cpu, process_, {Gva(kStart + 1), 4096, {}, "c"}),
            MapOutcome::kBadRange);
  EXPECT_EQ(regions().size(), 3U);
}

}  // namespace
}  // namespace nestwalk::test
