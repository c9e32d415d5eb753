// 32-bit guests with more memory than the kernel maps directly: tables lie in low memory, pages of
// processes above it, which the kernel reaches through its window.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kLow = 896 * kMiB;

class GuestLowMemory : public ::testing::TestWithParam<FormatId> {
 protected:
  static GuestMachine machine(PageSize page_size = PageSize::k4K) {
    return machine_of(GetParam(), 1024 * kMiB, page_size);
  }
  // Only so many frames are free in low and in high memory.
  static FrameAllocator<Gpa> frames(std::uint64_t num_low, std::uint64_t num_high) {
    FrameAllocator<Gpa> frames(Gpa{0}, num_low << 12);
    frames.add_range(Gpa(kLow), num_high << 12);
    return frames;
  }
  static Gva window() { return guest_layout(GetParam()).window(0, 0); }
};
INSTANTIATE_TEST_SUITE_P(Formats, GuestLowMemory,
                         ::testing::Values(FormatId::kX86TwoLevel, FormatId::kX86Pae),
                         format_label);

TEST_P(GuestLowMemory, TheDirectMapEndsWhereLowMemoryDoes) {
  Guest guest(machine());
  EXPECT_EQ(guest.cpu.walk(Gva(0xc0000000 + kLow - 4096))->output, kLow - 4096);
  EXPECT_FALSE(guest.cpu.walk(Gva(0xc0000000 + kLow)).has_value());
  EXPECT_FALSE(guest.cpu.walk(window()).has_value());
  guest.start();
  EXPECT_EQ(guest.cpu.walk(Gva(0xc0000000 + kLow - 4096))->output, kLow - 4096);
  EXPECT_FALSE(guest.cpu.walk(window()).has_value());
}

TEST_P(GuestLowMemory, AMachineThatFitsNeedsNoWindow) {
  Guest with(machine());
  Guest without(machine_of(GetParam(), kLow));
  EXPECT_EQ(with.kernel.statistics().boot_tables, without.kernel.statistics().boot_tables + 1);
  const ProcessId process = without.start();
  without.map(process, kStart, 4096);
  ASSERT_EQ(without.fault(process, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(without.kernel.statistics().temporary_mappings, 0U);
}

TEST_P(GuestLowMemory, TablesAreLowAndPagesHigh) {
  Guest guest(machine());
  const ProcessId process = guest.start();
  guest.map(process, kStart, 64 * 4096);
  guest.touch(process, kStart, 64);
  for (std::uint64_t i = 0; i < 64; ++i) {
    const auto leaf = guest.cpu.walk(Gva(kStart + (i << 12)));
    ASSERT_TRUE(leaf.has_value());
    EXPECT_GE(leaf->output, kLow);
    EXPECT_LT(leaf->entry_address, kLow);
  }
  EXPECT_LT(guest.kernel.process(process).root.value(), kLow);
  EXPECT_EQ(guest.kernel.statistics().temporary_mappings, 64U) << "each was cleared";
}

TEST_P(GuestLowMemory, APageIsClearedThroughTheWindowWhichIsFlushed) {
  Guest guest(machine());
  guest.memory.write(Hpa(kLow + 0x10), 8, 0x1234);  // left there by somebody
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  guest.cpu.invalidations.clear();
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const auto leaf = guest.cpu.walk(Gva(kStart));
  ASSERT_EQ(leaf->output, kLow);
  EXPECT_EQ(guest.memory.read(Hpa(kLow + 0x10), 8), 0U);
  EXPECT_FALSE(guest.cpu.walk(window()).has_value());
  ASSERT_EQ(guest.cpu.invalidations.size(), 1U);
  EXPECT_EQ(guest.cpu.invalidations[0].op, InvalidateOp::kInvlpg);
  EXPECT_EQ(guest.cpu.invalidations[0].address, window());
}

TEST_P(GuestLowMemory, ACopyNeedsTwoPlacesInTheWindow) {
  Guest guest(machine());
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  guest.touch(process, kStart, 1);
  const std::uint64_t parents = guest.cpu.walk(Gva(kStart))->output;
  guest.memory.write(Hpa(parents + 8), 8, 0x5678);
  const ProcessId child = guest.kernel.fork(guest.cpu, process).value();
  const std::uint64_t before = guest.kernel.statistics().temporary_mappings;
  guest.kernel.switch_to(guest.cpu, child);
  ASSERT_EQ(guest.fault(child, kStart), FaultOutcome::kMapped);
  const std::uint64_t copy = guest.cpu.walk(Gva(kStart))->output;
  EXPECT_GE(copy, kLow);
  EXPECT_NE(copy, parents);
  EXPECT_EQ(guest.memory.read(Hpa(copy + 8), 8), 0x5678U);
  EXPECT_EQ(guest.kernel.statistics().temporary_mappings, before + 2);
}

TEST_P(GuestLowMemory, ALargePageIsClearedPieceByPiece) {
  Guest guest(machine(PageSize::k2M));
  const unsigned bits = GetParam() == FormatId::kX86TwoLevel ? 22 : 21;
  const ProcessId process = guest.start();
  guest.map(process, kStart, bit(bits));
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart))->page_bits, bits);
  EXPECT_GE(guest.cpu.walk(Gva(kStart))->output, kLow);
  EXPECT_EQ(guest.kernel.statistics().temporary_mappings, bit(bits - 12));
}

TEST_P(GuestLowMemory, PagesComeDownWhenHighMemoryIsUsedUp) {
  Guest guest(machine(), frames(2000, 64));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 128 * 4096);
  guest.touch(process, kStart, 65);
  EXPECT_GE(guest.cpu.walk(Gva(kStart + 63 * 4096))->output, kLow);
  EXPECT_LT(guest.cpu.walk(Gva(kStart + 64 * 4096))->output, kLow);
}

// High memory is of no use for tables, and what is kept of low memory is not for pages.
TEST_P(GuestLowMemory, WithoutLowMemoryThereAreNoTables) {
  const std::uint64_t num_high = 3200;  // of which a 32nd is kept of low memory
  Guest probe(machine());
  const std::uint64_t boot_tables = probe.kernel.statistics().boot_tables;
  Guest guest(machine(), frames(boot_tables + 105, num_high));
  const ProcessId process = guest.start();
  guest.map(process, kStart, num_high << 13);
  const std::uint64_t low_before = guest.kernel.frames().num_free_low();
  std::uint64_t num_pages = 0;
  while (guest.fault(process, kStart + (num_pages << 12)) == FaultOutcome::kMapped) {
    ++num_pages;
  }
  EXPECT_GE(num_pages, num_high);
  EXPECT_LE(num_pages, num_high + 5);
  EXPECT_GE(guest.kernel.frames().num_free_low(), 80U) << "kept for tables";
  EXPECT_LT(guest.kernel.frames().num_free_low(), low_before);
  EXPECT_EQ(guest.kernel.shortage(), "no memory left");

  // Processes take the rest of it.
  while (guest.kernel.create_process(guest.cpu)) {
  }
  EXPECT_LT(guest.kernel.frames().num_free_low(), 5U);
  EXPECT_NE(guest.kernel.shortage().find("no low memory left for page tables"), std::string::npos)
      << guest.kernel.shortage();
  EXPECT_NE(guest.kernel.shortage().find("896 MiB"), std::string::npos);
}

TEST(GuestFrames, A64BitKernelHasOneZone) {
  Guest guest(machine_of(FormatId::kX86FourLevel, 2048 * kMiB));
  EXPECT_FALSE(guest.kernel.frames().has_high());
  EXPECT_EQ(guest.kernel.frames().num_free(), guest.kernel.frames().num_free_low());
  EXPECT_TRUE(guest.cpu.walk(Gva(0xffff888000000000 + 1024 * kMiB)).has_value());
}

}  // namespace
}  // namespace nestwalk::test
