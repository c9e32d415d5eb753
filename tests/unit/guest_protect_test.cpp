// mprotect: what it leaves in the tables, what it flushes, and how regions split and join.
#include <gtest/gtest.h>

#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr GuestRegionRights kReadWrite{true, true, false};
constexpr GuestRegionRights kReadOnly{true, false, false};
constexpr GuestRegionRights kReadExecute{true, false, true};
constexpr GuestRegionRights kNone{false, false, false};

ProtectOutcome protect(Guest& guest, ProcessId process, std::uint64_t start, std::uint64_t pages,
                       GuestRegionRights rights) {
  return guest.kernel.protect(guest.cpu, process, {Gva(start), pages << 12, rights});
}

class GuestProtectOf : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestProtectOf, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestProtectOf, PresentEntriesChangeAtOnce) {
  Guest guest(machine_of(GetParam()));
  const bool has_no_execute = GetParam() != FormatId::kX86TwoLevel;
  const ProcessId process = guest.start();
  guest.map(process, kStart, 8 * 4096);
  guest.touch(process, kStart, 4);
  const auto before = guest.cpu.walk(Gva(kStart + 4096));

  ASSERT_EQ(protect(guest, process, kStart + 4096, 2, kReadOnly), ProtectOutcome::kProtected);
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto leaf = guest.cpu.walk(Gva(kStart + (i << 12)));
    EXPECT_EQ(leaf->write, i == 0 || i == 3) << i;
    EXPECT_TRUE(leaf->has(x86::kAccessed) && leaf->has(x86::kDirty) && leaf->user);
  }
  EXPECT_EQ(guest.cpu.invalidations.size(), 2U);
  EXPECT_EQ(guest.fault(process, kStart + 4096), FaultOutcome::kSegfault);

  // Rights that are given need no flush; a read-write page is writable without a fault.
  ASSERT_EQ(protect(guest, process, kStart + 4096, 2, kReadWrite), ProtectOutcome::kProtected);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart + 4096))->entry, before->entry);
  EXPECT_EQ(guest.cpu.invalidations.size(), 2U);

  ASSERT_EQ(protect(guest, process, kStart, 8, kReadExecute), ProtectOutcome::kProtected);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->execute);
  EXPECT_EQ(guest.cpu.invalidations.size(), 2U + 4U);
  ASSERT_EQ(protect(guest, process, kStart, 8, kReadOnly), ProtectOutcome::kProtected);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart))->execute, !has_no_execute);
  EXPECT_EQ(guest.cpu.invalidations.size(), 2U + 4U + (has_no_execute ? 4U : 0U));
  EXPECT_EQ(guest.kernel.statistics().protects, 4U);
}

TEST_P(GuestProtectOf, APageWithoutAnyRightKeepsItsContent) {
  Guest guest(machine_of(GetParam()));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * 4096);
  guest.touch(process, kStart, 2);
  const auto before = guest.cpu.walk(Gva(kStart));
  const std::uint64_t num_free = guest.kernel.frames().num_free();
  ASSERT_EQ(protect(guest, process, kStart, 1, kNone), ProtectOutcome::kProtected);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart)));
  EXPECT_EQ(guest.cpu.invalidations.size(), 1U);
  EXPECT_EQ(guest.fault(process, kStart, AccessType::kRead), FaultOutcome::kSegfault);
  ASSERT_EQ(protect(guest, process, kStart, 1, kReadWrite), ProtectOutcome::kProtected);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart))->entry, before->entry);
  EXPECT_EQ(guest.cpu.invalidations.size(), 1U);
  EXPECT_EQ(guest.kernel.frames().num_free(), num_free);
  // Unmapped while it may not be read, it is given back.
  ASSERT_EQ(protect(guest, process, kStart, 1, kNone), ProtectOutcome::kProtected);
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.kernel.frames().num_free(), num_free + 1);
}

TEST_P(GuestProtectOf, OnlyAPartlyProtectedLargePageIsSplit) {
  Guest guest(machine_of(GetParam(), 64 * kMiB, PageSize::k2M));
  const std::uint64_t size = GetParam() == FormatId::kX86TwoLevel ? 4 * kMiB : 2 * kMiB;
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * size);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  ASSERT_EQ(guest.fault(process, kStart + size), FaultOutcome::kMapped);
  ASSERT_EQ(protect(guest, process, kStart, (size >> 12) + 1, kReadOnly),
            ProtectOutcome::kProtected);
  EXPECT_EQ(guest.kernel.statistics().pages_split, 1U);
  EXPECT_GT(guest.cpu.walk(Gva(kStart))->page_bits, 12U);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart))->write);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart + size))->page_bits, 12U);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart + size))->write);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart + size + 4096))->write);
  // One INVLPG for the large page, one for the small one.
  EXPECT_EQ(guest.cpu.invalidations.size(), 2U);
}

TEST(GuestProtect, MoreThanThirtyThreePagesReloadCr3) {
  for (const std::uint64_t pages : {33U, 34U}) {
    Guest guest(machine_of(FormatId::kX86FourLevel));
    const ProcessId process = guest.start();
    guest.map(process, kStart, 64 * 4096);
    guest.touch(process, kStart, pages);
    guest.cpu.cr3_writes.clear();
    ASSERT_EQ(protect(guest, process, kStart, 64, kReadOnly), ProtectOutcome::kProtected);
    EXPECT_EQ(guest.cpu.invalidations.size(), pages == 33 ? 33U : 0U);
    EXPECT_EQ(guest.cpu.cr3_writes.size(), pages == 33 ? 0U : 1U);
  }
}

TEST(GuestProtect, RightsThatAreThereAlreadyChangeNothing) {
  Guest guest(machine_of(FormatId::kX86FourLevel, 64 * kMiB, PageSize::k2M));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * kMiB);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const std::uint64_t stores = guest.cpu.num_stores;
  ASSERT_EQ(protect(guest, process, kStart + 4096, 1, kReadWrite), ProtectOutcome::kProtected);
  EXPECT_EQ(guest.cpu.num_stores, stores);
  EXPECT_EQ(guest.cpu.walk(Gva(kStart))->page_bits, 21U);
}

TEST(GuestProtect, GapsAndBadRangesAreTold) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  guest.map(process, kStart + 2 * 4096, 4096);
  guest.touch(process, kStart, 1);
  EXPECT_EQ(protect(guest, process, kStart, 3, kReadOnly), ProtectOutcome::kGap);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart))->write);
  EXPECT_EQ(guest.fault(process, kStart + 2 * 4096), FaultOutcome::kSegfault);
  EXPECT_EQ(protect(guest, process, kStart + 1, 1, kReadOnly), ProtectOutcome::kBadRange);
  EXPECT_EQ(protect(guest, process, kStart, 0, kReadOnly), ProtectOutcome::kBadRange);
  EXPECT_EQ(protect(guest, process, 0xffff888000000000, 1, kReadOnly), ProtectOutcome::kBadRange);
}

TEST(GuestProtect, OutOfMemoryForASplitChangesNothing) {
  const GuestMachine machine = machine_of(FormatId::kX86FourLevel, 64 * kMiB, PageSize::k2M);
  FrameAllocator<Gpa> frames(Gpa{0}, machine.memory_bytes);
  // Three tables of the direct map, a root, two tables, and one large page.
  frames.reserve(Gpa{6 * 4096}, 2 * kMiB - 6 * 4096);
  frames.reserve(Gpa{4 * kMiB}, machine.memory_bytes - 4 * kMiB);
  Guest guest(machine, frames);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * kMiB);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  ASSERT_EQ(guest.kernel.frames().num_free(), 0U);
  EXPECT_EQ(protect(guest, process, kStart, 1, kReadOnly), ProtectOutcome::kOutOfMemory);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->write);
  EXPECT_EQ(guest.fault(process, kStart), FaultOutcome::kSpurious) << "the region is as it was";
}

TEST(GuestProtect, KeepsADirtyBitThatTheMmuSetsMeanwhile) {
  GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  machine.params.preset_accessed_dirty = false;
  Guest guest(machine);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4096);
  guest.touch(process, kStart, 1);
  const Hpa entry(guest.cpu.walk(Gva(kStart))->entry_address);
  unsigned swaps = 0;
  guest.cpu.before_swap = [&](Gva) {
    if (swaps++ == 0) {
      guest.memory.write(entry, 8, guest.memory.read(entry, 8) | bit(x86::kDirty));
    }
  };
  ASSERT_EQ(protect(guest, process, kStart, 1, kReadOnly), ProtectOutcome::kProtected);
  EXPECT_EQ(swaps, 2U);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart))->has(x86::kDirty));
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart))->write);
}

TEST(GuestRegionRightsOf, SplitAndJoinAgain) {
  GuestRegionMap map;
  ASSERT_TRUE(map.insert({Gva(0x1000), 0x5000, kReadWrite, "a"}));
  map.set_rights(Gva(0x2000), Gva(0x4000), kReadOnly);
  ASSERT_EQ(map.list().size(), 3U);
  EXPECT_EQ(map.find(Gva(0x2000))->rights, kReadOnly);
  EXPECT_EQ(map.find(Gva(0x3fff))->end(), Gva(0x4000));
  EXPECT_EQ(map.find(Gva(0x4000))->rights, kReadWrite);
  map.set_rights(Gva(0x3000), Gva(0x4000), kReadWrite);
  ASSERT_EQ(map.list().size(), 3U);
  EXPECT_EQ(map.find(Gva(0x3000))->end(), Gva(0x6000));
  map.set_rights(Gva(0x2000), Gva(0x3000), kReadWrite);
  ASSERT_EQ(map.list().size(), 1U);
  EXPECT_EQ(map.list()[0].start, Gva(0x1000));
  EXPECT_EQ(map.list()[0].end(), Gva(0x6000));
  // Another name keeps regions apart.
  ASSERT_TRUE(map.insert_joined({Gva(0x6000), 0x1000, kReadWrite, "b"}));
  EXPECT_EQ(map.list().size(), 2U);
  ASSERT_TRUE(map.insert_joined({Gva(0x7000), 0x1000, kReadWrite, "b"}));
  EXPECT_EQ(map.list().size(), 2U);
  EXPECT_FALSE(map.insert_joined({Gva(0x7000), 0x2000, kReadWrite, "b"}));
}

TEST(GuestRegionRightsOf, AStackGrowsAsFarAsBefore) {
  GuestRegionMap map;
  ASSERT_TRUE(map.insert({Gva(0x10000), 0x3000, kReadWrite, "s", Growth::kDown, 0x8000}));
  map.set_rights(Gva(0x11000), Gva(0x12000), kReadOnly);
  EXPECT_EQ(map.find(Gva(0x12000))->growth, Growth::kNone);
  EXPECT_EQ(map.find_for_fault(Gva(0xaffc)), nullptr) << "0x13000 less 0x8000 is 0xb000";
  ASSERT_NE(map.find_for_fault(Gva(0xf000)), nullptr);
  map.set_rights(Gva(0x11000), Gva(0x12000), kReadWrite);
  ASSERT_EQ(map.list().size(), 1U);
  EXPECT_EQ(map.list()[0].max_bytes, 0x8000U);
  EXPECT_EQ(map.find_for_fault(Gva(0xaffc)), nullptr);
  EXPECT_NE(map.find_for_fault(Gva(0xb000)), nullptr);
}

}  // namespace
}  // namespace nestwalk::test
