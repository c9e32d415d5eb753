// Large pages made of small ones in use.
#include <gtest/gtest.h>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::uint64_t address(std::uint64_t page) {
  return kStart + (page << 12);
}

GuestMachine collapsing(FormatId format, std::uint32_t every_faults,
                        std::uint32_t max_missing_pages = 0) {
  GuestMachine machine = machine_of(format);
  machine.params.collapse.every_faults = every_faults;
  machine.params.collapse.max_missing_pages = max_missing_pages;
  return machine;
}

class GuestCollapseOf : public ::testing::TestWithParam<FormatId> {
 protected:
  static unsigned bits() { return GetParam() == FormatId::kX86TwoLevel ? 22 : 21; }
  static std::uint32_t num_pages() { return 1U << (bits() - 12); }
};
INSTANTIATE_TEST_SUITE_P(Formats, GuestCollapseOf, ::testing::ValuesIn(kGuestFormats),
                         format_label);

TEST_P(GuestCollapseOf, ABlockThatIsFullBecomesOnePage) {
  SmpMachine machine(collapsing(GetParam(), num_pages()), 1);
  const ProcessId process = machine.start();
  machine.map(process, kStart, 3 * bit(bits()));
  const std::uint64_t free_before = machine.kernel.frames().num_free();
  for (std::uint64_t i = 0; i < num_pages(); ++i) {
    EXPECT_EQ(machine.kernel.statistics().collapses, 0U);
    machine.write(0, address(i), 1000 + i);
  }
  EXPECT_EQ(machine.kernel.statistics().collapses, 1U);
  EXPECT_EQ(machine.kernel.statistics().collapse_scans, 3U);
  const auto leaf = machine.cpu().walk(Gva(address(5)));
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->page_bits, bits());
  EXPECT_TRUE(leaf->write);
  EXPECT_TRUE(leaf->user);
  EXPECT_EQ(leaf->execute, GetParam() == FormatId::kX86TwoLevel);
  EXPECT_TRUE(leaf->has(x86::kAccessed));
  EXPECT_TRUE(leaf->has(x86::kDirty));
  for (std::uint64_t i = 0; i < num_pages() - 1; ++i) {
    EXPECT_EQ(machine.read(0, address(i)), 1000 + i);
  }
  machine.expect_nothing_stale({address(0), address(100), address(num_pages() - 1)});
  // Without the table of the small pages; tables above it stay.
  const std::uint64_t tables =
      machine.kernel.statistics().tables_allocated - machine.kernel.statistics().tables_freed;
  machine.kernel.exit_process(machine.cpu(), process);
  EXPECT_EQ(machine.kernel.frames().num_free(), machine.free_after_boot);
  EXPECT_GT(free_before, 0U);
  EXPECT_LE(tables, 4U);
}

TEST_P(GuestCollapseOf, PartsOfItCanBeUnmappedAndProtectedAgain) {
  SmpMachine machine(collapsing(GetParam(), num_pages()), 1);
  const ProcessId process = machine.start();
  machine.map(process, kStart, bit(bits()));
  for (std::uint64_t i = 0; i < num_pages(); ++i) {
    machine.write(0, address(i), i);
  }
  ASSERT_EQ(machine.kernel.statistics().collapses, 1U);
  ASSERT_EQ(machine.kernel.unmap(machine.cpu(), process, Gva(address(7)), 4096),
            UnmapOutcome::kUnmapped);
  ASSERT_EQ(
      machine.kernel.protect(machine.cpu(), process, {Gva(address(9)), 4096, {true, false, false}}),
      ProtectOutcome::kProtected);
  EXPECT_EQ(machine.kernel.statistics().pages_split, 1U);
  EXPECT_FALSE(machine.read(0, address(7)).has_value());
  EXPECT_EQ(machine.read(0, address(9)), 9U);
  EXPECT_FALSE(machine.access(0, address(9), AccessType::kWrite).has_value());
  EXPECT_EQ(machine.read(0, address(8)), 8U);
}

TEST_P(GuestCollapseOf, MissingPagesAreFilledWithZeros) {
  SmpMachine machine(collapsing(GetParam(), 3, num_pages() - 2), 1);
  const ProcessId process = machine.start();
  machine.map(process, kStart, bit(bits()));
  // What the large frame held before.
  for (std::uint64_t at = 8 * kMiB; at < 32 * kMiB; at += 4096) {
    machine.memory.write(Hpa(at), 8, 0xbad);
  }
  machine.write(0, address(3), 30);
  machine.write(0, address(200), 2000);
  EXPECT_EQ(machine.kernel.statistics().collapses, 0U);
  machine.write(0, address(201), 2010);
  ASSERT_EQ(machine.kernel.statistics().collapses, 1U);
  for (std::uint64_t i = 0; i < num_pages(); ++i) {
    EXPECT_EQ(machine.read(0, address(i)), i == 3 || i == 200 || i == 201 ? 10 * i : 0);
  }
}

class GuestCollapse : public ::testing::Test {
 protected:
  explicit GuestCollapse(std::uint32_t every_faults = 512, unsigned num_cpus = 2)
      : machine_(collapsing(FormatId::kX86FourLevel, every_faults), num_cpus),
        kernel_(machine_.kernel) {
    process_ = machine_.start();
  }
  void fill(std::uint64_t first, std::uint64_t num) {
    for (std::uint64_t i = first; i < first + num; ++i) {
      machine_.write(0, address(i), i);
    }
  }

  SmpMachine machine_;
  GuestKernel& kernel_;
  ProcessId process_{};
};

TEST_F(GuestCollapse, OffByDefault) {
  EXPECT_EQ(GuestParams().collapse.every_faults, 0U);
}

TEST_F(GuestCollapse, OtherCpusLoseTheSmallPagesAndTheirTableBeforeThatIsFree) {
  machine_.map(process_, kStart, 512 * 4096);
  kernel_.switch_to(machine_.cpu(1), process_);
  fill(0, 511);
  machine_.write(1, address(0), 5);
  const std::uint64_t num_free = kernel_.frames().num_free();
  unsigned told = 0;
  machine_.cpu(0).before_remote = [&] {
    ++told;
    EXPECT_FALSE(machine_.cpu(1).walk(Gva(address(0)))) << "neither the old nor the new page";
    EXPECT_EQ(kernel_.frames().num_free(), num_free - 512 - 1);
  };
  fill(511, 1);
  EXPECT_EQ(told, 1U);
  EXPECT_EQ(machine_.cpu(0).remote_calls.back().first[0].op, InvalidateOp::kMovCr3);
  EXPECT_EQ(machine_.read(1, address(0)), 5U);
  EXPECT_EQ(machine_.cpu(1).walk(Gva(address(0)))->page_bits, 21U);
}

// A CPU may set A and D until the flush.
TEST_F(GuestCollapse, ADirtyBitThatIsSetUntilTheFlushIsKept) {
  machine_.map(process_, kStart, 512 * 4096);
  kernel_.switch_to(machine_.cpu(1), process_);
  for (std::uint64_t i = 0; i < 511; ++i) {
    EXPECT_EQ(machine_.read(0, address(i)), 0U);
  }
  const auto leaf = machine_.cpu(1).walk(Gva(address(4)));
  EXPECT_FALSE(leaf->has(x86::kDirty));
  machine_.cpu(0).before_remote = [&] {
    machine_.memory.write(Hpa(leaf->entry_address), 8, leaf->entry | bit(x86::kDirty));
    machine_.memory.write(Hpa(leaf->output), 8, 44);
  };
  EXPECT_EQ(machine_.read(0, address(511)), 0U);
  ASSERT_EQ(kernel_.statistics().collapses, 1U);
  EXPECT_TRUE(machine_.cpu(0).walk(Gva(address(0)))->has(x86::kDirty));
  EXPECT_EQ(machine_.read(1, address(4)), 44U);
}

TEST_F(GuestCollapse, ReadPagesMakeACleanLargePage) {
  machine_.map(process_, kStart, 512 * 4096);
  for (std::uint64_t i = 0; i < 512; ++i) {
    EXPECT_EQ(machine_.read(0, address(i)), 0U);
  }
  ASSERT_EQ(kernel_.statistics().collapses, 1U);
  EXPECT_FALSE(machine_.cpu().walk(Gva(address(0)))->has(x86::kDirty));
}

TEST_F(GuestCollapse, APageThatIsMissingKeepsTheBlockAsItIs) {
  machine_.map(process_, kStart, 1024 * 4096);
  fill(0, 511);
  fill(600, 1);
  EXPECT_EQ(kernel_.statistics().collapse_scans, 2U);
  EXPECT_EQ(kernel_.statistics().collapses, 0U);
}

TEST_F(GuestCollapse, PagesOfTwoProcessesStay) {
  machine_.map(process_, kStart, 512 * 4096);
  fill(0, 511);
  const ProcessId child = kernel_.fork(machine_.cpu(), process_).value();
  fill(511, 1);
  EXPECT_EQ(kernel_.statistics().collapses, 0U);
  EXPECT_EQ(kernel_.statistics().collapse_scans, 2U);
  kernel_.exit_process(machine_.cpu(), child);
  // The last holder has them for itself, whether or not its entries say so.
  machine_.map(process_, kStart + 64 * kMiB, 512 * 4096);
  fill(64 * 256, 512);
  ASSERT_EQ(kernel_.statistics().collapses, 2U);
  EXPECT_TRUE(machine_.cpu().walk(Gva(address(0)))->write);
}

TEST_F(GuestCollapse, ABlockHasTheRightsOfOneRegion) {
  machine_.map(process_, kStart, 512 * 4096);
  fill(0, 511);
  ASSERT_EQ(
      kernel_.protect(machine_.cpu(), process_, {Gva(address(100)), 4096, {true, false, false}}),
      ProtectOutcome::kProtected);
  fill(511, 1);
  EXPECT_EQ(kernel_.statistics().collapses, 0U);
  EXPECT_EQ(kernel_.statistics().collapse_scans, 0U) << "no region has a whole block";
}

TEST_F(GuestCollapse, WithoutAFrameOfThatSizeNothingHappens) {
  const GuestMachine params = collapsing(FormatId::kX86FourLevel, 512);
  SmpMachine machine(params, 1, FrameAllocator<Gpa>(Gpa{0}, 600 << 12));
  const ProcessId process = machine.start();
  machine.map(process, kStart, 512 * 4096);
  for (std::uint64_t i = 0; i < 512; ++i) {
    machine.write(0, address(i), i);
  }
  EXPECT_EQ(machine.kernel.statistics().collapses, 0U);
  EXPECT_EQ(machine.kernel.statistics().collapses_without_frame, 1U);
  EXPECT_EQ(machine.read(0, address(17)), 17U);
}

TEST_F(GuestCollapse, TheScanGoesOnWhereItEnded) {
  GuestMachine params = collapsing(FormatId::kX86FourLevel, 1);
  params.params.collapse.blocks = 2;
  SmpMachine machine(params, 1);
  const ProcessId process = machine.start();
  machine.map(process, kStart, 5 * 2 * kMiB);
  const GuestStatistics& s = machine.kernel.statistics();
  for (std::uint64_t i = 0; i < 512; ++i) {
    machine.write(0, address(2 * 512 + i), i);
    ASSERT_EQ(s.collapse_scans, 2 * (i + 1));
  }
  for (std::uint64_t i = 0; s.collapses == 0 && i < 3; ++i) {
    machine.write(0, address(i), i);
  }
  EXPECT_EQ(s.collapses, 1U);
}

TEST_F(GuestCollapse, CostsAreTheCollapsesOwn) {
  machine_.map(process_, kStart, 512 * 4096);
  fill(0, 511);
  machine_.cpu().spent = {};
  fill(511, 1);
  ASSERT_EQ(kernel_.statistics().collapses, 1U);
  const GuestParams& p = kernel_.params();
  EXPECT_EQ(machine_.cpu().spent.cycles(Cause::kGuestFrameCopy), 512U * p.copy_4k_cycles);
  // The large frame, and per small page its release; the table too.
  EXPECT_EQ(machine_.cpu().spent.cycles(Cause::kGuestCollapse),
            p.frame_allocation_cycles + 512U * (p.unmap_page_cycles + p.frame_allocation_cycles) +
                p.frame_allocation_cycles);
}

}  // namespace
}  // namespace nestwalk::test
