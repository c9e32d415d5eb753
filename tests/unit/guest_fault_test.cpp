// Demand paging by the guest kernel: what a page fault leaves in the tables, and what it costs.
#include <gtest/gtest.h>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;  // 1 GiB: aligned to every page size
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Tables that the first fault of a process needs, by format.
std::uint64_t first_tables(FormatId format) {
  switch (format) {
    case FormatId::kX86TwoLevel:
    case FormatId::kX86Pae:  // level 2 is there from the start
      return 1;
    case FormatId::kX86FourLevel:
      return 3;
    default:
      return 4;
  }
}

class GuestFaultOf : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestFaultOf, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestFaultOf, WriteFaultMapsAClearedFrameYoungAndDirty) {
  Guest guest(machine_of(GetParam()));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 16 * 4096);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart + 0x2345)));
  ASSERT_EQ(guest.fault(process, kStart + 0x2345), FaultOutcome::kMapped);
  const auto leaf = guest.cpu.walk(Gva(kStart + 0x2345));
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->page_bits, 12U);
  EXPECT_TRUE(leaf->write);
  EXPECT_TRUE(leaf->user);
  EXPECT_EQ(leaf->execute, GetParam() == FormatId::kX86TwoLevel);
  EXPECT_TRUE(leaf->has(x86::kAccessed));
  EXPECT_TRUE(leaf->has(x86::kDirty));
  EXPECT_FALSE(leaf->has(x86::kGlobal));
  EXPECT_TRUE(guest.kernel.frames().is_allocated(Gpa(leaf->output).page(12), 12));
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart + 0x1fff)));
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart + 0x3000)));
  EXPECT_TRUE(guest.cpu.invalidations.empty());  // not present to present
}

TEST_P(GuestFaultOf, CyclesAreBookedByCause) {
  Guest guest(machine_of(GetParam()));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 16 * 4096);
  const GuestParams& p = guest.kernel.params();
  guest.cpu.spent = {};
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const std::uint64_t frames = first_tables(GetParam()) + 1;
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kGuestPageFault),
            p.fault_cycles + frames * p.frame_allocation_cycles);
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kGuestFrameZeroing), frames * p.clear_4k_cycles);
  EXPECT_EQ(guest.cpu.spent.cycles(), p.fault_cycles + frames * (p.frame_allocation_cycles +
                                                                 std::uint64_t{p.clear_4k_cycles}));

  guest.cpu.spent = {};
  guest.cpu.num_loads = guest.cpu.num_stores = 0;
  ASSERT_EQ(guest.fault(process, kStart + 4096), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.spent.cycles(),
            std::uint64_t{p.fault_cycles} + p.frame_allocation_cycles + p.clear_4k_cycles);
  EXPECT_EQ(guest.cpu.num_loads, shape_of(GetParam()).levels());
  EXPECT_EQ(guest.cpu.num_stores, 1U);
}

TEST_P(GuestFaultOf, LargePageWhereTheRegionCoversIt) {
  Guest guest(machine_of(GetParam(), 64 * kMiB, PageSize::k2M));
  const unsigned bits = GetParam() == FormatId::kX86TwoLevel ? 22 : 21;
  const std::uint64_t size = std::uint64_t{1} << bits;
  const ProcessId process = guest.start();
  guest.map(process, kStart + size - 4096, 4096 + size + 4096);
  ASSERT_EQ(guest.fault(process, kStart + size + 12345), FaultOutcome::kMapped);
  const auto leaf = guest.cpu.walk(Gva(kStart + size + 12345));
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->page_bits, bits);
  EXPECT_EQ(leaf->output % size, 12345U);
  EXPECT_EQ(guest.cpu.num_clears[bits], 1U);
  // Beside it the region covers no whole large page.
  ASSERT_EQ(guest.fault(process, kStart + size - 1), FaultOutcome::kMapped);
  ASSERT_EQ(guest.fault(process, kStart + 2 * size), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart + size - 1))->page_bits, 12U);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart + 2 * size))->page_bits, 12U);
  EXPECT_EQ(guest.kernel.statistics().page_size_fallbacks, 2U);
  EXPECT_EQ(guest.kernel.statistics().pages_mapped[1], 1U);
  EXPECT_EQ(guest.kernel.statistics().pages_mapped[0], 2U);
}

TEST(GuestFault, GigabytePages) {
  const std::uint64_t gib = 1024 * kMiB;
  Guest guest(machine_of(FormatId::kX86FourLevel, 4 * gib, PageSize::k1G));
  const ProcessId process = guest.start();
  guest.map(process, gib, 3 * gib);
  ASSERT_EQ(guest.fault(process, 2 * gib + 5), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.walk(Gva(2 * gib + 5))->page_bits, 30U);

  GuestMachine without = machine_of(FormatId::kX86FourLevel, 4 * gib, PageSize::k1G);
  without.control.page_1g = false;
  Guest other(without);
  const ProcessId second = other.start();
  other.map(second, gib, 3 * gib);
  ASSERT_EQ(other.fault(second, 2 * gib + 5), FaultOutcome::kMapped);
  EXPECT_EQ(other.cpu.walk(Gva(2 * gib + 5))->page_bits, 21U);
}

TEST(GuestFault, NoContiguousFrameTakesASmallPage) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel, 64 * kMiB, PageSize::k2M);
  FrameAllocator<Gpa> frames(Gpa{0}, machine.memory_bytes);
  frames.reserve(Gpa{kMiB}, 63 * kMiB);
  Guest guest(machine, frames);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * kMiB);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart))->page_bits, 12U);
  EXPECT_EQ(guest.kernel.statistics().page_size_fallbacks, 1U);
}

TEST(GuestFault, ReadFaultIsNotDirtyAndPresetCanBeOff) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  ProcessId process = guest.start();
  guest.map(process, kStart, 4096, {true, true, true});
  ASSERT_EQ(guest.fault(process, kStart, AccessType::kRead), FaultOutcome::kMapped);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->has(x86::kAccessed));
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart))->has(x86::kDirty));
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->execute);

  GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  machine.params.preset_accessed_dirty = false;
  Guest bare(machine);
  process = bare.start();
  bare.map(process, kStart, 4096);
  ASSERT_EQ(bare.fault(process, kStart, AccessType::kWrite), FaultOutcome::kMapped);
  EXPECT_FALSE(bare.cpu.walk(Gva(kStart))->has(x86::kAccessed));
  EXPECT_FALSE(bare.cpu.walk(Gva(kStart))->has(x86::kDirty));
}

TEST(GuestFault, SegfaultsAreValuesAndChangeNoTable) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096, {true, false, false});
  const std::uint64_t stores = guest.cpu.num_stores;
  EXPECT_EQ(guest.fault(process, kStart, AccessType::kWrite), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.fault(process, kStart, AccessType::kFetch), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.fault(process, kStart - 1, AccessType::kRead), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.fault(process, kStart + 4096, AccessType::kRead), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.fault(process, 0xffff888000000000, AccessType::kRead), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.kernel.statistics().segfaults_rights, 2U);
  EXPECT_EQ(guest.kernel.statistics().segfaults_no_region, 3U);
  EXPECT_EQ(guest.kernel.statistics().faults, 5U);
  EXPECT_EQ(guest.cpu.num_stores, stores);
  EXPECT_EQ(guest.fault(process, kStart, AccessType::kRead), FaultOutcome::kMapped);
}

TEST(GuestFault, StackAndHeapGrowToTheFault) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  GuestRegion stack{Gva(kStart), 4096, {true, true, false}, "[stack]", Growth::kDown, 8 * 4096};
  GuestRegion heap{Gva(kStart / 2), 4096, {true, true, false}, "[heap]", Growth::kUp, 4 * 4096};
  ASSERT_EQ(guest.kernel.map_region(guest.cpu, process, stack), MapOutcome::kMapped);
  ASSERT_EQ(guest.kernel.map_region(guest.cpu, process, heap), MapOutcome::kMapped);
  EXPECT_EQ(guest.fault(process, kStart - 7 * 4096), FaultOutcome::kMapped);
  EXPECT_EQ(guest.fault(process, kStart - 7 * 4096 - 1), FaultOutcome::kSegfault);
  EXPECT_EQ(guest.fault(process, kStart - 4096), FaultOutcome::kMapped);
  EXPECT_EQ(guest.fault(process, kStart / 2 + 3 * 4096), FaultOutcome::kMapped);
  EXPECT_EQ(guest.fault(process, kStart / 2 + 4 * 4096), FaultOutcome::kSegfault);
}

TEST(GuestFault, EntryThatPermitsByNowIsSpurious) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const std::uint64_t stores = guest.cpu.num_stores;
  EXPECT_EQ(guest.fault(process, kStart + 8), FaultOutcome::kSpurious);
  EXPECT_EQ(guest.cpu.num_stores, stores);
  ASSERT_EQ(guest.cpu.invalidations.size(), 1U);
  EXPECT_EQ(guest.cpu.invalidations[0].op, InvalidateOp::kInvlpg);
  EXPECT_EQ(guest.cpu.invalidations[0].address, Gva(kStart + 8));
}

TEST(GuestFault, MemoryRunsOutAndComesBack) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  FrameAllocator<Gpa> frames(Gpa{0}, machine.memory_bytes);
  // Three tables for the direct map of 64 MiB, a root, three tables and two pages.
  frames.reserve(Gpa{9 * 4096}, machine.memory_bytes - 9 * 4096);
  Guest guest(machine, frames);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 16 * 4096);
  guest.touch(process, kStart, 2);
  EXPECT_EQ(guest.fault(process, kStart + 2 * 4096), FaultOutcome::kOutOfMemory);
  EXPECT_EQ(guest.kernel.statistics().out_of_memory, 1U);
  EXPECT_FALSE(guest.kernel.create_process(guest.cpu).has_value());
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.fault(process, kStart + 2 * 4096), FaultOutcome::kMapped);
}

TEST(GuestFault, CopiesAreIndependentMachines) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 16 * 4096);
  SparseMemory memory = guest.memory;
  GuestKernel kernel = guest.kernel;
  MockCpu cpu(memory, FormatId::kX86FourLevel, {kernel.process(process).root});
  const std::uint64_t error_code = bit(x86::error_code::kUser);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  EXPECT_FALSE(cpu.walk(Gva(kStart)));
  ASSERT_EQ(kernel.handle_page_fault(cpu, process, {Gva(kStart), AccessType::kWrite, error_code}),
            FaultOutcome::kMapped);
  EXPECT_EQ(cpu.walk(Gva(kStart))->output, guest.cpu.walk(Gva(kStart))->output);
  EXPECT_EQ(kernel.statistics().faults, 1U);
}

}  // namespace
}  // namespace nestwalk::test
