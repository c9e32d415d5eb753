// fork, copy-on-write and exec: what is shared, what is copied when, and what it costs.
#include <gtest/gtest.h>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class GuestForkOf : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestForkOf, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestForkOf, BothSidesShareFramesAndMayNotWriteThem) {
  SmpMachine machine(machine_of(GetParam()), 1);
  const ProcessId parent = machine.start();
  machine.map(parent, kStart, 8 * 4096);
  for (std::uint64_t i = 0; i < 3; ++i) {
    machine.write(0, kStart + (i << 12), 100 + i);
  }
  const std::uint64_t num_free = machine.kernel.frames().num_free();
  const std::uint64_t tables = machine.kernel.statistics().tables_allocated;
  machine.cpu().cr3_writes.clear();
  const ProcessId child = machine.kernel.fork(machine.cpu(), parent).value();
  // No data frame, only the child's tables: as many as the parent's.
  EXPECT_EQ(machine.kernel.statistics().tables_allocated, 2 * tables);
  EXPECT_EQ(machine.kernel.frames().num_free(), num_free - tables);
  // One flush of all that the parent may have cached as writable.
  ASSERT_EQ(machine.cpu().cr3_writes.size(), 1U);
  EXPECT_FALSE(machine.cpu().cr3_writes[0].no_flush);
  EXPECT_EQ(machine.cpu().cr3_writes[0].root, machine.kernel.process(parent).root);
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Gva address(kStart + (i << 12));
    const auto one = machine.cpu().walk(machine.kernel.process(parent).root, address);
    const auto two = machine.cpu().walk(machine.kernel.process(child).root, address);
    ASSERT_EQ(one.has_value(), i < 3);
    ASSERT_EQ(two.has_value(), i < 3);
    if (one) {
      EXPECT_EQ(one->output, two->output);
      EXPECT_FALSE(one->write || two->write);
      EXPECT_TRUE(one->has(x86::kAccessed));
      EXPECT_FALSE(two->has(x86::kAccessed)) << "the child has not used it";
    }
  }
  EXPECT_EQ(machine.kernel.process(child).regions.list().size(), 1U);
  EXPECT_NE(machine.kernel.process(child).root, machine.kernel.process(parent).root);
  EXPECT_EQ(machine.kernel.statistics().forks, 1U);

  // The writer gets a copy, whoever it is; the last holder keeps the page.
  machine.kernel.switch_to(machine.cpu(), child);
  machine.write(0, kStart, 7);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U);
  EXPECT_EQ(machine.read(0, kStart + 4096), 101U);
  machine.kernel.switch_to(machine.cpu(), parent);
  EXPECT_EQ(machine.read(0, kStart), 100U);
  machine.write(0, kStart, 8);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U);
  EXPECT_EQ(machine.kernel.statistics().cow_faults, 2U);
  machine.write(0, kStart, 9);
  EXPECT_EQ(machine.kernel.statistics().cow_faults, 2U) << "it stays writable";
  machine.kernel.switch_to(machine.cpu(), child);
  EXPECT_EQ(machine.read(0, kStart), 7U);

  machine.kernel.exit_process(machine.cpu(), parent);
  machine.write(0, kStart + 4096, 10);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U) << "nobody else is left";
  machine.kernel.exit_process(machine.cpu(), child);
  EXPECT_EQ(machine.kernel.frames().num_free(), machine.free_after_boot);
}

TEST_P(GuestForkOf, OfALargePageOnlyWhatIsWrittenIsCopied) {
  SmpMachine machine(machine_of(GetParam(), 64 * kMiB, PageSize::k2M), 1);
  const std::uint64_t size = GetParam() == FormatId::kX86TwoLevel ? 4 * kMiB : 2 * kMiB;
  const ProcessId parent = machine.start();
  machine.map(parent, kStart, size);
  machine.write(0, kStart, 1);
  machine.write(0, kStart + 4096, 2);
  const std::uint64_t frame = machine.cpu().walk(Gva(kStart))->output;
  const ProcessId child = machine.kernel.fork(machine.cpu(), parent).value();
  machine.kernel.switch_to(machine.cpu(), child);
  EXPECT_EQ(machine.read(0, kStart + 4096), 2U);
  EXPECT_GT(machine.cpu().walk(Gva(kStart))->page_bits, 12U) << "shared as it is";
  machine.write(0, kStart + 4096, 3);
  EXPECT_EQ(machine.kernel.statistics().pages_split, 1U);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U);
  EXPECT_EQ(machine.cpu().num_copies[12], 1U);
  EXPECT_EQ(machine.cpu().walk(Gva(kStart))->output, frame);
  EXPECT_NE(machine.cpu().walk(Gva(kStart + 4096))->output, frame + 4096);
  EXPECT_EQ(machine.read(0, kStart), 1U);
  // The page of the parent is still whole and one of its frames is its alone.
  machine.kernel.switch_to(machine.cpu(), parent);
  EXPECT_GT(machine.cpu().walk(Gva(kStart))->page_bits, 12U);
  EXPECT_EQ(machine.read(0, kStart + 4096), 2U);
  machine.write(0, kStart + 4096, 4);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U);
  EXPECT_EQ(machine.cpu().walk(Gva(kStart + 4096))->output, frame + 4096);
  // After the child's end a whole large page would be writable again; these are split.
  machine.kernel.exit_process(machine.cpu(), child);
  machine.write(0, kStart, 5);
  EXPECT_EQ(machine.kernel.statistics().cow_copies, 1U);
  machine.kernel.exit_process(machine.cpu(), parent);
  EXPECT_EQ(machine.kernel.frames().num_free(), machine.free_after_boot);
}

TEST(GuestFork, ALargePageOfTheLastHolderIsWritableAsAWhole) {
  SmpMachine machine(machine_of(FormatId::kX86FourLevel, 64 * kMiB, PageSize::k2M), 1);
  const ProcessId parent = machine.start();
  machine.map(parent, kStart, 2 * kMiB);
  machine.write(0, kStart, 1);
  const ProcessId child = machine.kernel.fork(machine.cpu(), parent).value();
  machine.kernel.exit_process(machine.cpu(), child);
  machine.write(0, kStart, 2);
  EXPECT_EQ(machine.cpu().walk(Gva(kStart))->page_bits, 21U);
  EXPECT_TRUE(machine.cpu().walk(Gva(kStart))->write);
  EXPECT_EQ(machine.kernel.statistics().pages_split, 0U);
}

TEST(GuestFork, CopyingIsBookedByCause) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId parent = guest.start();
  guest.map(parent, kStart, 4096);
  guest.touch(parent, kStart, 1);
  const ProcessId child = guest.kernel.fork(guest.cpu, parent).value();
  guest.kernel.switch_to(guest.cpu, child);
  const GuestParams& p = guest.kernel.params();
  guest.cpu.spent = {};
  ASSERT_EQ(guest.fault(child, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kGuestFrameCopy), p.copy_4k_cycles);
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kGuestPageFault),
            p.fault_cycles + p.frame_allocation_cycles + p.unmap_page_cycles);
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kGuestFrameZeroing), 0U) << "a copy needs no clearing";
  EXPECT_EQ(guest.cpu.invalidations.size(), 1U) << "another frame than the one that may be cached";
  guest.kernel.switch_to(guest.cpu, parent);
  guest.cpu.spent = {};
  ASSERT_EQ(guest.fault(parent, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.spent.cycles(), p.fault_cycles) << "the last holder pays for nothing else";
  EXPECT_EQ(guest.cpu.invalidations.size(), 1U);
}

TEST(GuestFork, WithNothingWritableNothingIsFlushed) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId parent = guest.start();
  guest.map(parent, kStart, 4096, {true, false, true});
  ASSERT_EQ(guest.fault(parent, kStart, AccessType::kRead), FaultOutcome::kMapped);
  guest.cpu.cr3_writes.clear();
  ASSERT_TRUE(guest.kernel.fork(guest.cpu, parent).has_value());
  EXPECT_TRUE(guest.cpu.cr3_writes.empty());
}

TEST(GuestFork, ProtectionMakesNoSharedPageWritable) {
  SmpMachine machine(machine_of(FormatId::kX86FourLevel), 1);
  const ProcessId parent = machine.start();
  machine.map(parent, kStart, 4096);
  machine.write(0, kStart, 1);
  const ProcessId child = machine.kernel.fork(machine.cpu(), parent).value();
  for (const GuestRegionRights rights :
       {GuestRegionRights{true, false, false}, GuestRegionRights{true, true, false}}) {
    ASSERT_EQ(machine.kernel.protect(machine.cpu(), parent, {Gva(kStart), 4096, rights}),
              ProtectOutcome::kProtected);
    EXPECT_FALSE(machine.cpu().walk(Gva(kStart))->write);
  }
  machine.write(0, kStart, 2);
  machine.kernel.switch_to(machine.cpu(), child);
  EXPECT_EQ(machine.read(0, kStart), 1U);
}

// At every number of frames too few: nothing is lost, and the parent goes on.
TEST(GuestFork, OutOfMemoryLeavesTheParentAndEveryFrame) {
  for (const FormatId format : kGuestFormats) {
    bool has_forked = false;
    for (unsigned frames = 0; !has_forked; ++frames) {
      SCOPED_TRACE(testing::Message() << shape_of(format).name << ", " << frames << " frames");
      const GuestMachine machine = machine_of(format);
      Guest guest(machine);
      const ProcessId parent = guest.start();
      guest.map(parent, kStart, 4096);
      guest.map(parent, 0x10000000, 4096);
      guest.touch(parent, kStart, 1);
      guest.touch(parent, 0x10000000, 1);
      // Another process eats all but a few frames.
      const ProcessId eater = guest.kernel.create_process(guest.cpu).value();
      guest.map(eater, kStart, machine.memory_bytes);
      for (std::uint64_t at = kStart; guest.kernel.frames().num_free() > frames; at += 4096) {
        ASSERT_EQ(guest.fault(eater, at), FaultOutcome::kMapped);
      }
      const std::uint64_t num_free = guest.kernel.frames().num_free();
      const std::optional<ProcessId> child = guest.kernel.fork(guest.cpu, parent);
      has_forked = child.has_value();
      if (!has_forked) {
        ASSERT_EQ(guest.kernel.frames().num_free(), num_free);
        EXPECT_EQ(guest.kernel.num_processes(), 2U);
        EXPECT_EQ(guest.kernel.statistics().forks, 0U);
        if (!guest.cpu.walk(Gva(kStart))->write) {  // it had been shared for a while
          EXPECT_EQ(guest.fault(parent, kStart), FaultOutcome::kMapped);
        }
        EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->write);
        EXPECT_EQ(guest.kernel.statistics().cow_copies, 0U);
      }
      ASSERT_LT(frames, 20U);
    }
  }
}

TEST(GuestFork, ACopyThatFindsNoFrameChangesNothing) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  FrameAllocator<Gpa> frames(Gpa{0}, machine.memory_bytes);
  // The direct map, two roots with three tables each, one page.
  frames.reserve(Gpa{12 * 4096}, machine.memory_bytes - 12 * 4096);
  Guest guest(machine, frames);
  const ProcessId parent = guest.start();
  guest.map(parent, kStart, 4096);
  guest.touch(parent, kStart, 1);
  const ProcessId child = guest.kernel.fork(guest.cpu, parent).value();
  ASSERT_EQ(guest.kernel.frames().num_free(), 0U);
  EXPECT_EQ(guest.fault(parent, kStart), FaultOutcome::kOutOfMemory);
  EXPECT_EQ(guest.kernel.statistics().out_of_memory, 1U);
  guest.kernel.exit_process(guest.cpu, child);
  EXPECT_EQ(guest.fault(parent, kStart), FaultOutcome::kMapped);
}

TEST(GuestFork, CopiesOfTheKernelCountForThemselves) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId parent = guest.start();
  guest.map(parent, kStart, 4096);
  guest.touch(parent, kStart, 1);
  const ProcessId child = guest.kernel.fork(guest.cpu, parent).value();
  SparseMemory memory = guest.memory;
  GuestKernel kernel = guest.kernel;
  guest.kernel.exit_process(guest.cpu, child);
  ASSERT_EQ(guest.fault(parent, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(guest.kernel.statistics().cow_copies, 0U);
  MockCpu cpu(memory, FormatId::kX86FourLevel, {kernel.process(parent).root});
  ASSERT_EQ(kernel.handle_page_fault(cpu, parent, {Gva(kStart), AccessType::kWrite, 4}),
            FaultOutcome::kMapped);
  EXPECT_EQ(kernel.statistics().cow_copies, 1U);
}

TEST_P(GuestForkOf, ExecGivesANewEmptySpaceUnderTheSameNumber) {
  SmpMachine machine(machine_of(GetParam()), 1);
  const ProcessId process = machine.start();
  const std::uint64_t num_free = machine.kernel.frames().num_free();
  machine.map(process, kStart, 4 * 4096);
  machine.write(0, kStart, 1);
  const Process before = machine.kernel.process(process);
  ASSERT_TRUE(machine.kernel.exec(machine.cpu(), process));
  const Process& after = machine.kernel.process(process);
  EXPECT_EQ(machine.kernel.frames().num_free(), num_free);
  EXPECT_NE(after.root, before.root);
  EXPECT_EQ(after.pcid, before.pcid);
  EXPECT_TRUE(after.regions.list().empty());
  EXPECT_EQ(machine.kernel.current(0), process);
  EXPECT_EQ(machine.cpu().cr3_writes.back().root, after.root);
  EXPECT_FALSE(machine.cpu().cr3_writes.back().no_flush);
  EXPECT_FALSE(machine.read(0, kStart).has_value()) << "also not from what was cached";
  machine.map(process, kStart, 4096);
  EXPECT_EQ(machine.read(0, kStart), 0U);
  EXPECT_EQ(machine.kernel.statistics().execs, 1U);
  EXPECT_EQ(machine.kernel.num_processes(), 1U);
}

TEST(GuestExec, WithoutAFrameNothingChanges) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  FrameAllocator<Gpa> frames(Gpa{0}, machine.memory_bytes);
  frames.reserve(Gpa{8 * 4096}, machine.memory_bytes - 8 * 4096);
  Guest guest(machine, frames);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  guest.touch(process, kStart, 1);
  const Gpa root = guest.kernel.process(process).root;
  ASSERT_EQ(guest.kernel.frames().num_free(), 0U);
  EXPECT_FALSE(guest.kernel.exec(guest.cpu, process));
  EXPECT_EQ(guest.kernel.process(process).root, root);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart)));
}

}  // namespace
}  // namespace nestwalk::test
