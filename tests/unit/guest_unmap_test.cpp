// Unmapping, context switches and the end of processes: what is flushed when, what is reused how.
#include <gtest/gtest.h>

#include "tests/unit/guest_mock_cpu.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kStart = 0x40000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class GuestUnmapOf : public ::testing::TestWithParam<FormatId> {};
INSTANTIATE_TEST_SUITE_P(Formats, GuestUnmapOf, ::testing::ValuesIn(kGuestFormats), format_label);

TEST_P(GuestUnmapOf, ExitGivesEveryFrameBack) {
  Guest guest(machine_of(GetParam(), 64 * kMiB, PageSize::k2M));
  const std::uint64_t before = guest.kernel.frames().num_free();
  const ProcessId process = guest.start();
  guest.map(process, kStart, 8 * kMiB + 3 * 4096);
  guest.map(process, 0x10000, 4 * 4096);
  for (const std::uint64_t address : {kStart, kStart + 5 * kMiB, kStart + 8 * kMiB, 0x10000UL}) {
    ASSERT_EQ(guest.fault(process, address), FaultOutcome::kMapped);
  }
  EXPECT_LT(guest.kernel.frames().num_free(), before);
  guest.kernel.exit_process(guest.cpu, process);
  EXPECT_EQ(guest.kernel.frames().num_free(), before);
  EXPECT_EQ(guest.kernel.num_processes(), 0U);
  EXPECT_EQ(guest.kernel.current(0), std::nullopt);
  EXPECT_EQ(guest.cpu.cr3_writes.back().root, guest.kernel.boot_cr3().root);
  EXPECT_EQ(guest.kernel.statistics().tables_allocated, guest.kernel.statistics().tables_freed);
}

TEST_P(GuestUnmapOf, UnmappingARegionFreesItsPagesAndTables) {
  Guest guest(machine_of(GetParam()));
  const ProcessId process = guest.start();
  const std::uint64_t before = guest.kernel.frames().num_free();
  guest.map(process, kStart, 16 * 4096);
  guest.touch(process, kStart, 16);
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 16 * 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.kernel.frames().num_free(), before);
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart)));
  EXPECT_EQ(guest.fault(process, kStart), FaultOutcome::kSegfault);
}

TEST_P(GuestUnmapOf, TablesThatServeAnotherRegionStay) {
  Guest guest(machine_of(GetParam()));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * 4096);
  guest.map(process, kStart + 4 * 4096, 4096);
  guest.touch(process, kStart, 2);
  guest.touch(process, kStart + 4 * 4096, 1);
  const auto kept = guest.cpu.walk(Gva(kStart + 4 * 4096));
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 2 * 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.kernel.statistics().tables_freed, 0U);
  const auto still = guest.cpu.walk(Gva(kStart + 4 * 4096));
  ASSERT_TRUE(still.has_value());
  EXPECT_EQ(still->output, kept->output);
}

TEST_P(GuestUnmapOf, PartOfALargePageIsSplitOff) {
  Guest guest(machine_of(GetParam(), 64 * kMiB, PageSize::k2M));
  const unsigned bits = GetParam() == FormatId::kX86TwoLevel ? 22 : 21;
  const std::uint64_t size = std::uint64_t{1} << bits;
  const ProcessId process = guest.start();
  guest.map(process, kStart, size);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const std::uint64_t frame = guest.cpu.walk(Gva(kStart))->output;
  const std::uint64_t free_before = guest.kernel.frames().num_free();
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart + 2 * 4096), 3 * 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.kernel.statistics().pages_split, 1U);
  EXPECT_EQ(guest.kernel.frames().num_free(), free_before + 3 - 1);  // three pages less one table
  for (std::uint64_t page = 0; page < size >> 12; ++page) {
    const auto leaf = guest.cpu.walk(Gva(kStart + (page << 12)));
    ASSERT_EQ(leaf.has_value(), page < 2 || page > 4) << page;
    if (leaf) {
      EXPECT_EQ(leaf->page_bits, 12U);
      EXPECT_EQ(leaf->output, frame + (page << 12));
      EXPECT_TRUE(leaf->write && leaf->user && leaf->has(x86::kDirty));
    }
  }
  EXPECT_EQ(guest.cpu.invalidations.size(), 3U);
}

TEST(GuestUnmap, SplittingKeepsAnAccessedBitThatTheMmuSetsMeanwhile) {
  GuestMachine machine = machine_of(FormatId::kX86FourLevel, 64 * kMiB, PageSize::k2M);
  machine.params.preset_accessed_dirty = false;
  Guest guest(machine);
  const ProcessId process = guest.start();
  guest.map(process, kStart, 2 * kMiB);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const Hpa entry(guest.cpu.walk(Gva(kStart))->entry_address);
  unsigned swaps = 0;
  guest.cpu.before_swap = [&](Gva) {
    if (swaps++ == 0) {
      guest.memory.write(entry, 8,
                         guest.memory.read(entry, 8) | bit(x86::kAccessed) | bit(x86::kDirty));
    }
  };
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(swaps, 2U);
  EXPECT_TRUE(guest.cpu.walk(Gva(kStart + 4096))->has(x86::kDirty));
}

TEST(GuestUnmap, GigabytePageSplitsTwice) {
  const std::uint64_t gib = 1024 * kMiB;
  Guest guest(machine_of(FormatId::kX86FourLevel, 4 * gib, PageSize::k1G));
  const ProcessId process = guest.start();
  guest.map(process, gib, gib);
  ASSERT_EQ(guest.fault(process, gib), FaultOutcome::kMapped);
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(gib + 4096), 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.cpu.walk(Gva(gib))->page_bits, 12U);
  EXPECT_FALSE(guest.cpu.walk(Gva(gib + 4096)));
  EXPECT_EQ(guest.cpu.walk(Gva(gib + 2 * kMiB))->page_bits, 21U);
  EXPECT_EQ(guest.kernel.statistics().pages_split, 2U);
}

// Above 33 pages one CR3 reload takes the place of the single invalidations.
TEST(GuestUnmap, InvalidatesSinglyUpToThirtyThreePages) {
  for (const std::uint64_t pages : {33U, 34U}) {
    Guest guest(machine_of(FormatId::kX86FourLevel));
    const ProcessId process = guest.start();
    guest.map(process, kStart, 64 * 4096);
    guest.touch(process, kStart, pages);
    guest.cpu.cr3_writes.clear();
    ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 64 * 4096),
              UnmapOutcome::kUnmapped);
    if (pages == 33) {
      ASSERT_EQ(guest.cpu.invalidations.size(), 33U);
      for (std::uint64_t i = 0; i < pages; ++i) {
        EXPECT_EQ(guest.cpu.invalidations[i].op, InvalidateOp::kInvlpg);
        EXPECT_EQ(guest.cpu.invalidations[i].address, Gva(kStart + (i << 12)));
      }
      EXPECT_TRUE(guest.cpu.cr3_writes.empty());
    } else {
      EXPECT_TRUE(guest.cpu.invalidations.empty());
      ASSERT_EQ(guest.cpu.cr3_writes.size(), 1U);
      EXPECT_EQ(guest.cpu.cr3_writes[0].root, guest.kernel.process(process).root);
      EXPECT_EQ(guest.cpu.cr3_writes[0].pcid, guest.kernel.process(process).pcid);
      EXPECT_FALSE(guest.cpu.cr3_writes[0].no_flush);
    }
  }
}

TEST(GuestUnmap, FlushesAfterTheEntriesAreClearedAndBeforeFramesAreFree) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 40 * 4096);
  guest.touch(process, kStart, 8);
  const std::uint64_t free_before = guest.kernel.frames().num_free();
  unsigned flushes = 0;
  guest.cpu.on_flush = [&] {
    ++flushes;
    EXPECT_EQ(guest.kernel.frames().num_free(), free_before);
    for (std::uint64_t i = 0; i < 8; ++i) {
      EXPECT_FALSE(guest.cpu.walk(Gva(kStart + (i << 12))));
    }
  };
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 40 * 4096),
            UnmapOutcome::kUnmapped);
  EXPECT_EQ(flushes, 8U);
  EXPECT_EQ(guest.kernel.frames().num_free(), free_before + 8 + 3);
}

// Regions that share tables, and one that is unmapped in several batches: no page may be lost with
// the tables that the first of them gives back.
TEST(GuestUnmap, SeveralRegionsAndBatchesGiveEveryFrameBack) {
  constexpr std::uint64_t kGiB = 1024 * kMiB;
  for (const bool by_exit : {false, true}) {
    Guest guest(machine_of(FormatId::kX86FourLevel));
    const ProcessId process = guest.start();
    const std::uint64_t before = guest.kernel.frames().num_free();
    guest.map(process, kStart, 4096);
    guest.map(process, kStart + 4096, 4096, {true, false, false});
    guest.map(process, kStart + 3 * 4096, 3 * kGiB);
    for (const std::uint64_t offset : {0UL, 3 * 4096 + kGiB, 3 * kGiB}) {
      guest.touch(process, kStart + offset, 1);
    }
    ASSERT_EQ(guest.fault(process, kStart + 4096, AccessType::kRead), FaultOutcome::kMapped);
    if (by_exit) {
      guest.kernel.exit_process(guest.cpu, process);
      EXPECT_EQ(guest.kernel.frames().num_free(), before + 1) << "the root too";
      continue;
    }
    ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 4 * kGiB),
              UnmapOutcome::kUnmapped);
    EXPECT_EQ(guest.kernel.frames().num_free(), before);
    EXPECT_EQ(guest.kernel.statistics().pages_unmapped[0], 4U);
  }
}

TEST(GuestUnmap, UntouchedMemoryNeedsNoFlush) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 64 * kMiB);
  guest.cpu.cr3_writes.clear();
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 64 * kMiB),
            UnmapOutcome::kUnmapped);
  EXPECT_TRUE(guest.cpu.invalidations.empty() && guest.cpu.cr3_writes.empty());
  EXPECT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 4096), UnmapOutcome::kUnmapped);
  EXPECT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart + 1), 4096), UnmapOutcome::kBadRange);
  EXPECT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 0), UnmapOutcome::kBadRange);
}

TEST(GuestUnmap, AnotherProcessIsFlushedAtItsNextSwitch) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId first = guest.start();
  guest.map(first, kStart, 4096);
  guest.touch(first, kStart, 1);
  const ProcessId second = guest.start();
  guest.kernel.switch_to(guest.cpu, first);
  EXPECT_TRUE(guest.cpu.cr3_writes.back().no_flush);
  guest.kernel.switch_to(guest.cpu, second);
  EXPECT_TRUE(guest.cpu.cr3_writes.back().no_flush);
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, first, Gva(kStart), 4096), UnmapOutcome::kUnmapped);
  EXPECT_TRUE(guest.cpu.invalidations.empty());
  guest.kernel.switch_to(guest.cpu, first);
  EXPECT_FALSE(guest.cpu.cr3_writes.back().no_flush);
}

// Freed frames come back last in, first out, and really cleared.
TEST(GuestUnmap, RecycledFramesAreReallyCleared) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  ProcessId process = guest.start();
  guest.map(process, kStart, 4 * 4096);
  guest.touch(process, kStart, 4);
  std::vector<std::uint64_t> frames;
  for (std::uint64_t i = 0; i < 4; ++i) {
    frames.push_back(guest.cpu.walk(Gva(kStart + (i << 12)))->output);
    for (std::uint64_t at = 0; at < 4096; at += 8) {
      guest.memory.write(Hpa(frames.back() + at), 8, 0xdead'beef'dead'beef);
    }
  }
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(kStart), 3 * 4096), UnmapOutcome::kUnmapped);
  guest.map(process, kStart, 4096);
  ASSERT_EQ(guest.fault(process, kStart), FaultOutcome::kMapped);
  const auto leaf = guest.cpu.walk(Gva(kStart));
  EXPECT_EQ(leaf->output, frames[2]);
  for (std::uint64_t at = 0; at < 4096; at += 8) {
    ASSERT_EQ(guest.memory.read(Hpa(leaf->output + at), 8), 0U);
  }
  // The old data frames become tables of a new process: only what it maps may be in them.
  guest.kernel.exit_process(guest.cpu, process);
  process = guest.start();
  guest.map(process, kStart, 64 * 4096);
  guest.touch(process, kStart + 4096, 1);
  for (std::uint64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(guest.cpu.walk(Gva(kStart + (i << 12))).has_value(), i == 1);
  }
  EXPECT_FALSE(guest.cpu.walk(Gva(kStart + 0x40000000)));
  EXPECT_FALSE(guest.cpu.walk(Gva(0x10000)));
}

TEST(GuestSwitch, PcidsKeepTranslationsAndAreFlushedOnReuse) {
  Guest guest(machine_of(FormatId::kX86FourLevel));
  const ProcessId first = guest.start();
  const Pcid pcid = guest.kernel.process(first).pcid;
  EXPECT_NE(pcid, Pcid{0});
  EXPECT_FALSE(guest.cpu.cr3_writes.back().no_flush);
  const ProcessId second = guest.start();
  EXPECT_NE(guest.kernel.process(second).pcid, pcid);
  guest.kernel.switch_to(guest.cpu, first);
  EXPECT_TRUE(guest.cpu.cr3_writes.back().no_flush);
  EXPECT_EQ(guest.cpu.cr3_writes.back().pcid, pcid);
  const std::size_t writes = guest.cpu.cr3_writes.size();
  guest.kernel.switch_to(guest.cpu, first);
  EXPECT_EQ(guest.cpu.cr3_writes.size(), writes);  // it runs already
  EXPECT_EQ(guest.kernel.statistics().context_switches, 3U);
  guest.kernel.exit_process(guest.cpu, first);
  const ProcessId third = guest.start();
  EXPECT_EQ(guest.kernel.process(third).pcid, pcid);
  EXPECT_FALSE(guest.cpu.cr3_writes.back().no_flush);
}

TEST(GuestSwitch, WithoutPcidsEverySwitchFlushes) {
  GuestMachine machine = machine_of(FormatId::kX86FourLevel);
  machine.params.pcid = false;
  Guest guest(machine);
  const ProcessId first = guest.start();
  guest.start();
  guest.kernel.switch_to(guest.cpu, first);
  for (const Cr3Value& value : guest.cpu.cr3_writes) {
    EXPECT_FALSE(value.no_flush);
    EXPECT_EQ(value.pcid, Pcid{0});
  }
  EXPECT_EQ(guest.cpu.spent.cycles(Cause::kContextSwitch),
            std::uint64_t{3} * machine.params.context_switch_cycles);
}

// The PDPTEs are registers: what they hold at the load of CR3 must be enough for ever.
TEST(GuestSwitch, PaePdptesNeverChangeAfterCr3IsLoaded) {
  Guest guest(machine_of(FormatId::kX86Pae));
  const ProcessId process = guest.start();
  const Gpa root = guest.kernel.process(process).root;
  std::vector<std::uint64_t> loaded;
  for (unsigned i = 0; i < 4; ++i) {
    loaded.push_back(guest.memory.read(Hpa(root.value() + 8 * i), 8));
    EXPECT_EQ(loaded.back() & 0xfff, 1U) << "P and nothing else";
  }
  guest.map(process, 0, 4096);
  guest.map(process, 0x80000000, 4096);
  guest.touch(process, 0, 1);
  guest.touch(process, 0x80000000, 1);
  ASSERT_EQ(guest.kernel.unmap(guest.cpu, process, Gva(0), 4096), UnmapOutcome::kUnmapped);
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_EQ(guest.memory.read(Hpa(root.value() + 8 * i), 8), loaded[i]);
  }
}

TEST(GuestRegionMap, OverlapsAndBadRangesAreRefused) {
  Guest guest(machine_of(FormatId::kX86TwoLevel));
  const ProcessId process = guest.start();
  guest.map(process, kStart, 4 * 4096);
  const auto map = [&](std::uint64_t start, std::uint64_t length) {
    return guest.kernel.map_region(guest.cpu, process, {Gva(start), length, {}, "x"});
  };
  EXPECT_EQ(map(kStart + 3 * 4096, 4096), MapOutcome::kOverlap);
  EXPECT_EQ(map(kStart - 4096, 2 * 4096), MapOutcome::kOverlap);
  EXPECT_EQ(map(kStart - 4096, 8 * 4096), MapOutcome::kOverlap);
  EXPECT_EQ(map(kStart + 4 * 4096, 4096), MapOutcome::kMapped);
  EXPECT_EQ(map(0xbffff000, 4096), MapOutcome::kMapped);
  EXPECT_EQ(map(0xbffff000, 8192), MapOutcome::kBadRange);
  EXPECT_EQ(map(0xc0000000, 4096), MapOutcome::kBadRange);
  EXPECT_EQ(map(0x1000, 100), MapOutcome::kBadRange);
  EXPECT_EQ(map(0x1000, ~std::uint64_t{0xfff}), MapOutcome::kBadRange);
}

TEST(GuestRegionMap, RemovingTheMiddleLeavesBothEnds) {
  GuestRegionMap map;
  ASSERT_TRUE(map.insert({Gva(0x1000), 0x5000, {true, true, false}, "a"}));
  ASSERT_TRUE(map.insert({Gva(0x8000), 0x1000, {}, "b"}));
  const std::vector<GuestRegion> cut = map.remove(Gva(0x2000), Gva(0x4000));
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].start, Gva(0x2000));
  EXPECT_EQ(cut[0].end(), Gva(0x4000));
  const std::vector<GuestRegion> left = map.list();
  ASSERT_EQ(left.size(), 3U);
  EXPECT_EQ(left[0].end(), Gva(0x2000));
  EXPECT_EQ(left[1].start, Gva(0x4000));
  EXPECT_EQ(left[1].end(), Gva(0x6000));
  EXPECT_EQ(map.remove(Gva(0), Gva(0x10000)).size(), 3U);
  EXPECT_TRUE(map.list().empty());
}

}  // namespace
}  // namespace nestwalk::test
