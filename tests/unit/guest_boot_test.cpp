// The direct map that a guest kernel builds before paging is on.
#include <gtest/gtest.h>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::uint64_t direct_map_base(FormatId format) {
  switch (format) {
    case FormatId::kX86FourLevel:
      return 0xffff888000000000;
    case FormatId::kX86FiveLevel:
      return 0xff11000000000000;
    default:
      return 0xc0000000;
  }
}

class GuestBoot : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestBoot, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestBoot, DirectMapCoversAllMemoryForTheSupervisor) {
  Guest guest(machine_of(GetParam(), 64 * kMiB + 12 * 1024));
  for (const std::uint64_t gpa : {std::uint64_t{0}, 4095UL, 4096UL, 2 * kMiB, 5 * kMiB + 8,
                                  64 * kMiB - 8, 64 * kMiB, 64 * kMiB + 12 * 1024 - 8}) {
    const auto leaf = guest.cpu.walk(Gva(direct_map_base(GetParam()) + gpa));
    ASSERT_TRUE(leaf.has_value()) << gpa;
    EXPECT_EQ(leaf->output, gpa);
    EXPECT_TRUE(leaf->write);
    EXPECT_FALSE(leaf->user);
    EXPECT_EQ(leaf->execute, GetParam() == FormatId::kX86TwoLevel);  // that format has no NX
    EXPECT_TRUE(leaf->has(x86::kGlobal));
    EXPECT_TRUE(leaf->has(x86::kAccessed));
    EXPECT_TRUE(leaf->has(x86::kDirty));
  }
  EXPECT_FALSE(guest.cpu.walk(Gva(direct_map_base(GetParam()) + 64 * kMiB + 12 * 1024)));
}

TEST_P(GuestBoot, LargePagesMapTheBulkAndSmallOnesTheTail) {
  Guest guest(machine_of(GetParam(), 64 * kMiB + 12 * 1024));
  const std::uint64_t base = direct_map_base(GetParam());
  const unsigned large = GetParam() == FormatId::kX86TwoLevel ? 22 : 21;
  EXPECT_EQ(guest.cpu.walk(Gva(base))->page_bits, large);
  EXPECT_EQ(guest.cpu.walk(Gva(base + 64 * kMiB - 1))->page_bits, large);
  EXPECT_EQ(guest.cpu.walk(Gva(base + 64 * kMiB))->page_bits, 12U);
}

TEST_P(GuestBoot, EveryProcessSharesTheKernelHalf) {
  Guest guest(machine_of(GetParam()));
  const Gpa first = guest.kernel.process(guest.start()).root;
  const Gpa second = guest.kernel.process(guest.start()).root;
  EXPECT_NE(first, second);
  const Gva address(direct_map_base(GetParam()) + 5 * kMiB);
  const auto kernel = guest.cpu.walk(guest.kernel.boot_cr3().root, address);
  for (const Gpa root : {first, second}) {
    const auto leaf = guest.cpu.walk(root, address);
    ASSERT_TRUE(leaf.has_value());
    EXPECT_EQ(leaf->entry, kernel->entry);
    EXPECT_EQ(leaf->top_entry, kernel->top_entry);
  }
}

TEST(GuestBootSize, TerabyteGuestTakesAThousandEntries) {
  // 1024 1G pages; the base is not aligned to 1 TiB, so they need two tables of 512.
  Guest four(machine_of(FormatId::kX86FourLevel, 1024 * kGiB));
  EXPECT_EQ(four.num_boot_writes, 1024U + 2U);
  EXPECT_EQ(four.kernel.statistics().boot_tables, 3U);
  EXPECT_EQ(four.memory.num_pages(), 3U);
  Guest five(machine_of(FormatId::kX86FiveLevel, 1024 * kGiB));
  EXPECT_EQ(five.num_boot_writes, 1024U + 2U + 1U);
  EXPECT_EQ(five.kernel.statistics().boot_tables, 4U);
}

TEST(GuestBootSize, WithoutLargePagesAllIsMappedSmall) {
  GuestMachine machine = machine_of(FormatId::kX86TwoLevel, 8 * kMiB);
  machine.control.pse = false;
  EXPECT_EQ(Guest(machine).num_boot_writes, 2048U + 2U);
  machine = machine_of(FormatId::kX86FourLevel, 2 * kGiB);
  machine.control.page_1g = false;
  EXPECT_EQ(Guest(machine).num_boot_writes, 1024U + 2U + 1U);  // 2M pages, two PDs, one PDPT
}

TEST(GuestBootSize, TooFewFramesAreReported) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel, 64 * kMiB);
  SparseMemory memory(machine.memory_bytes);
  MockBoot boot(memory);
  GuestKernel kernel(machine, FrameAllocator<Gpa>(Gpa{0}, 2 * 4096));  // three tables are needed
  EXPECT_FALSE(kernel.boot(boot));
}

TEST(GuestMachine, ProblemsAreNamed) {
  EXPECT_FALSE(find_problem(machine_of(FormatId::kX86Pae, 64 * kGiB)));
  const auto pae = find_problem(machine_of(FormatId::kX86Pae, 64 * kGiB + 4096));
  ASSERT_TRUE(pae.has_value());
  EXPECT_NE(pae->find("x86-pae"), std::string::npos);
  EXPECT_NE(pae->find(std::to_string(64 * kGiB)), std::string::npos);
  EXPECT_FALSE(find_problem(machine_of(FormatId::kX86TwoLevel, 4 * kGiB)));
  EXPECT_TRUE(find_problem(machine_of(FormatId::kX86TwoLevel, 4 * kGiB + 4096)));
  EXPECT_TRUE(find_problem(machine_of(FormatId::kX86FourLevel, 0)));
  EXPECT_TRUE(find_problem(machine_of(FormatId::kX86FourLevel, 4097)));
  EXPECT_TRUE(find_problem(machine_of(FormatId::kEptFourLevel, kGiB)));
  GuestMachine narrow = machine_of(FormatId::kX86FourLevel, 128 * kGiB);
  narrow.control.guest_maxphyaddr = 36;
  EXPECT_TRUE(find_problem(narrow));
  narrow.memory_bytes = 64 * kGiB;
  EXPECT_FALSE(find_problem(narrow));
}

TEST(GuestMachine, ControlAfterBootFollowsTheParameters) {
  GuestMachine machine = machine_of(FormatId::kX86Pae);
  machine.params.pcid = true;
  machine.control.smap = true;
  Guest guest(machine);
  const PagingControl control = guest.kernel.paging_control();
  EXPECT_TRUE(control.paging);
  EXPECT_EQ(control.format, FormatId::kX86Pae);
  EXPECT_FALSE(control.pcid);  // PAE has no PCIDs
  EXPECT_TRUE(control.control.smap);
  EXPECT_TRUE(Guest(machine_of(FormatId::kX86FourLevel)).kernel.paging_control().pcid);
}

}  // namespace
}  // namespace nestwalk::test
