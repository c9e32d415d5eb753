// Faults of the host stage: what the hypervisor leaves in the tables, and what it costs.
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/hypervisor_mock_port.h"

namespace nestwalk::test {
namespace {

constexpr std::array<HostFormat, 6> kFormats = {
    HostFormat::kEptFourLevel, HostFormat::kEptFiveLevel, HostFormat::kNptTwoLevel,
    HostFormat::kNptPae,       HostFormat::kNptFourLevel, HostFormat::kNptFiveLevel};

std::string label(const ::testing::TestParamInfo<HostFormat>& info) {
  return (shape_of(info.param).is_ept ? "ept_" : "npt_") + shape_of(info.param).name;
}

bool is_ept(HostFormat format) {
  return shape_of(format).is_ept;
}
std::uint64_t tables_below_root(HostFormat format) {
  return shape_of(format).levels() - 1;
}
unsigned large_bits(HostFormat format) {
  return format == HostFormat::kNptTwoLevel ? 22 : 21;
}

class HypervisorOf : public ::testing::TestWithParam<HostFormat> {};
INSTANTIATE_TEST_SUITE_P(Formats, HypervisorOf, ::testing::ValuesIn(kFormats), label);

TEST_P(HypervisorOf, FaultBacksOnePageWithAllRights) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  EXPECT_FALSE(host.walk(vm, 0x5678));
  ASSERT_EQ(host.fault(vm, 0x5678), ExitOutcome::kResumed);
  const auto leaf = host.walk(vm, 0x5678);
  ASSERT_TRUE(leaf.has_value());
  EXPECT_EQ(leaf->page_bits, 12U);
  EXPECT_EQ(leaf->output % 4096, 0x678U);
  EXPECT_TRUE(leaf->write && leaf->user && leaf->execute);
  EXPECT_FALSE(leaf->has(is_ept(GetParam()) ? ept::kAccessed : x86::kAccessed));
  EXPECT_FALSE(leaf->has(is_ept(GetParam()) ? ept::kDirty : x86::kDirty));
  if (is_ept(GetParam())) {
    EXPECT_TRUE(leaf->has(ept::kRead));
    EXPECT_EQ((leaf->entry >> 3) & 7, 6U) << "write-back";
  }
  EXPECT_FALSE(host.walk(vm, 0x4fff));
  EXPECT_FALSE(host.walk(vm, 0x6000));
  EXPECT_EQ(host.hypervisor.translate(host.memory, vm, Gpa(0x5678)), Hpa(leaf->output));
  EXPECT_EQ(host.hypervisor.translate(host.memory, vm, Gpa(0x6000)), std::nullopt);
  EXPECT_TRUE(host.port.invalidations.empty());  // not present to present
}

TEST_P(HypervisorOf, CyclesAreBookedByCauseAndExitsCounted) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  const HypervisorParams& p = host.params;
  const Cause cause = is_ept(GetParam()) ? Cause::kEptViolation : Cause::kNestedPageFault;
  const std::uint64_t tables = tables_below_root(GetParam());
  host.port.spent = {};
  host.port.stores.clear();
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  EXPECT_EQ(host.port.spent.cycles(Cause::kVmExit), p.exit_cycles);
  EXPECT_EQ(host.port.spent.cycles(cause),
            p.violation_cycles + p.frame_allocation_cycles + tables * p.table_allocation_cycles);
  EXPECT_EQ(host.port.spent.cycles(Cause::kHostFrameZeroing), (tables + 1) * p.clear_4k_cycles);
  EXPECT_EQ(host.port.spent.cycles(),
            std::uint64_t{p.exit_cycles} + p.violation_cycles + p.frame_allocation_cycles +
                tables * p.table_allocation_cycles + (tables + 1) * p.clear_4k_cycles);
  EXPECT_EQ(host.port.stores.size(), tables + 1);

  host.port.spent = {};
  host.port.num_loads = 0;
  ASSERT_EQ(host.fault(vm, 4096, {2, 0}), ExitOutcome::kResumed);
  EXPECT_EQ(host.port.spent.cycles(cause), p.violation_cycles + p.frame_allocation_cycles);
  EXPECT_EQ(host.port.num_loads, shape_of(GetParam()).levels());
  const VmStatistics& statistics = host.hypervisor.vm(vm).statistics;
  EXPECT_EQ(statistics.exits, 2U);
  EXPECT_EQ(statistics.ept_violations, is_ept(GetParam()) ? 2U : 0U);
  EXPECT_EQ(statistics.nested_page_faults, is_ept(GetParam()) ? 0U : 2U);
  EXPECT_EQ(statistics.guest_table_faults, 1U);
  EXPECT_EQ(statistics.pages_backed[0], 2U);
  EXPECT_EQ(statistics.tables_allocated, tables + 1);
}

// A walk on another core at any moment sees nothing, or the whole of it.
TEST_P(HypervisorOf, TablesAreFilledBeforeOneStoreLinksThem) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  std::uint64_t stores = 0;
  const std::uint64_t last = tables_below_root(GetParam()) + 1;
  host.port.after_store = [&] {
    ++stores;
    EXPECT_EQ(host.walk(vm, 0x123456).has_value(), stores == last);
    const std::uint64_t top = host.walk(vm, 0x123456) ? 1 : 0;
    const std::uint64_t root_entry = host.memory.read(host.hypervisor.vm(vm).root, 4);
    EXPECT_EQ(root_entry != 0, top == 1) << "linked too early";
  };
  ASSERT_EQ(host.fault(vm, 0x123456), ExitOutcome::kResumed);
  EXPECT_EQ(stores, last);
}

TEST_P(HypervisorOf, LargeBackingWhereGuestMemoryHasIt) {
  Host host;
  const unsigned bits = large_bits(GetParam());
  const std::uint64_t size = bit(bits);
  const VmId vm = host.create(vm_of(GetParam(), 3 * size + 8192, PageSize::k2M));
  ASSERT_EQ(host.fault(vm, size + 5), ExitOutcome::kResumed);
  ASSERT_EQ(host.fault(vm, 3 * size + 4096), ExitOutcome::kResumed);  // beyond the last whole one
  EXPECT_EQ(host.walk(vm, 2 * size - 1)->page_bits, bits);
  EXPECT_EQ(host.walk(vm, size + 5)->output % size, 5U);
  EXPECT_EQ(host.walk(vm, 3 * size + 4096)->page_bits, 12U);
  EXPECT_FALSE(host.walk(vm, 3 * size));
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.pages_backed[1], 1U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.pages_backed[0], 1U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.backing_fallbacks, 1U);
  EXPECT_EQ(host.port.spent.cycles(Cause::kHostFrameZeroing) / host.params.clear_4k_cycles,
            (size >> 12) + 1 + host.hypervisor.vm(vm).statistics.tables_allocated);
}

TEST(HypervisorFault, GigabyteBackingIfTheMachineHasIt) {
  for (const HostFormat format : {HostFormat::kEptFourLevel, HostFormat::kNptFiveLevel}) {
    HostMachine machine;
    Host with(16 * kGiB, machine);
    VmId vm = with.create(vm_of(format, 2 * kGiB, PageSize::k1G));
    ASSERT_EQ(with.fault(vm, kGiB), ExitOutcome::kResumed);
    EXPECT_EQ(with.walk(vm, kGiB)->page_bits, 30U);
    machine.control.page_1g = false;
    Host without(16 * kGiB, machine);
    vm = without.create(vm_of(format, 2 * kGiB, PageSize::k1G));
    ASSERT_EQ(without.fault(vm, kGiB), ExitOutcome::kResumed);
    EXPECT_EQ(without.walk(vm, kGiB)->page_bits, 21U);
  }
  Host pae;  // a PDPTE is never a leaf
  const VmId vm = pae.create(vm_of(HostFormat::kNptPae, 2 * kGiB, PageSize::k1G));
  ASSERT_EQ(pae.fault(vm, kGiB), ExitOutcome::kResumed);
  EXPECT_EQ(pae.walk(vm, kGiB)->page_bits, 21U);
}

TEST(HypervisorFault, NoContiguousFrameTakesSmallBacking) {
  FrameAllocator<Hpa> frames(Hpa{0}, kMiB);
  Host host({}, kMiB, frames);
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 64 * kMiB, PageSize::k2M));
  ASSERT_EQ(host.fault(vm, 2 * kMiB), ExitOutcome::kResumed);
  EXPECT_EQ(host.walk(vm, 2 * kMiB)->page_bits, 12U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.backing_fallbacks, 1U);
}

TEST(HypervisorFault, ExhaustedHostLeavesNothingHalfDone) {
  // Root, three tables, one page; then a page whose tables do not fit any more.
  Host host({}, kMiB, FrameAllocator<Hpa>(Hpa{0}, 6 * 4096));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 4 * kGiB));
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  ASSERT_EQ(host.hypervisor.frames().num_free(), 1U);
  host.port.stores.clear();
  const std::size_t entries = host.port.entries.size();
  EXPECT_EQ(host.fault(vm, 2 * kGiB), ExitOutcome::kOutOfMemory);
  EXPECT_TRUE(host.port.stores.empty());
  EXPECT_EQ(host.port.entries.size(), entries) << "the VM must not run on";
  EXPECT_EQ(host.hypervisor.frames().num_free(), 1U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.out_of_memory, 1U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.tables_allocated, 4U);
  EXPECT_EQ(host.fault(vm, 4096), ExitOutcome::kResumed);  // the last frame, no table needed
  EXPECT_EQ(host.fault(vm, 8192), ExitOutcome::kOutOfMemory);
  EXPECT_FALSE(host.hypervisor.create_vm(host.port, vm_of(HostFormat::kNptPae)).has_value());
}

TEST(HypervisorFault, AddressBeyondGuestMemoryIsAValue) {
  Host host;
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 64 * kMiB));
  host.port.stores.clear();
  EXPECT_EQ(host.fault(vm, 64 * kMiB), ExitOutcome::kBeyondMemory);
  EXPECT_EQ(host.fault(vm, std::uint64_t{1} << 51), ExitOutcome::kBeyondMemory);
  EXPECT_EQ(host.fault(vm, 64 * kMiB - 1), ExitOutcome::kResumed);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.beyond_memory, 2U);
  EXPECT_EQ(host.port.entries.size(), 1U);
}

TEST(HypervisorFault, MisconfigurationEndsTheVm) {
  Host host;
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  Fault fault;
  fault.kind = FaultKind::kEptMisconfiguration;
  fault.has_gpa = true;
  EXPECT_EQ(host.hypervisor.handle_fault(host.port, vm, fault), ExitOutcome::kMisconfigured);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.ept_misconfigurations, 1U);
  EXPECT_EQ(host.port.spent.cycles(Cause::kVmExit), host.params.exit_cycles);
  EXPECT_TRUE(host.port.entries.empty());
}

TEST_P(HypervisorOf, LackingRightsAreRaisedAndTheRestKept) {
  Host host;
  const VmId vm = host.create(vm_of(GetParam()));
  ASSERT_EQ(host.fault(vm, 0x3000), ExitOutcome::kResumed);
  const auto full = host.walk(vm, 0x3000);
  const unsigned bytes = shape_of(GetParam()).entry_bytes;
  const unsigned accessed = is_ept(GetParam()) ? ept::kAccessed : x86::kAccessed;
  std::uint64_t lowered = full->entry & ~bit(1);  // W in both rule sets
  if (!is_ept(GetParam()) && bytes == 8) {
    lowered |= bit(x86::kNoExecute);
  }
  host.memory.write(Hpa(full->entry_address), bytes, lowered);
  unsigned swaps = 0;
  host.port.before_swap = [&](Hpa at) {  // the MMU gets in between once
    if (swaps++ == 0) {
      host.memory.write(at, bytes, lowered | bit(accessed));
    }
  };
  ASSERT_EQ(host.fault(vm, 0x3000), ExitOutcome::kResumed);
  EXPECT_EQ(swaps, 2U);
  EXPECT_EQ(host.walk(vm, 0x3000)->entry, full->entry | bit(accessed));
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.rights_raised, 1U);
  ASSERT_EQ(host.fault(vm, 0x3000), ExitOutcome::kResumed);
  EXPECT_EQ(swaps, 2U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.spurious_faults, 1U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.pages_backed[0], 1U);
}

TEST(HypervisorFault, ModeBasedExecuteAllowsBothPrivileges) {
  HostMachine machine;
  machine.control.mode_based_execute = true;
  Host host(kGiB, machine);
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  EXPECT_TRUE(host.walk(vm, 0)->has(ept::kUserExecute));
  EXPECT_NE(host.walk(vm, 0)->top_entry & bit(ept::kUserExecute), 0U);
}

TEST(HypervisorFault, SmallFormatsGetNoFrameAboveFourGigabytes) {
  const std::uint64_t memory_bytes = 8 * kGiB;
  FrameAllocator<Hpa> frames(Hpa{0}, memory_bytes);
  frames.reserve(Hpa{8 * 4096}, 4 * kGiB - 8 * 4096);
  Host host({}, memory_bytes, frames);
  const VmId small = host.create(vm_of(HostFormat::kNptTwoLevel, 64 * kMiB));
  std::uint64_t backed = 0;
  while (host.fault(small, backed << 12) == ExitOutcome::kResumed) {
    ++backed;
  }
  EXPECT_EQ(backed, 6U);  // eight frames, less the root and one table
  const VmId large = host.create(vm_of(HostFormat::kNptFourLevel, 64 * kMiB));
  EXPECT_EQ(host.fault(large, 0), ExitOutcome::kResumed);
  EXPECT_GE(host.walk(large, 0)->output, 4 * kGiB);
}

}  // namespace
}  // namespace nestwalk::test
