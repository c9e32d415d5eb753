// Unloaded latencies by formula from the parameters of the machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ostream>

#include "tests/support/platform_bench.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kAccessedDirty = 0x60;
constexpr std::uint64_t kNumReferences = 24;  // of a cold 4x4 walk

// Latencies that no sum of the others can imitate.
MachineParams machine() {
  MachineParams p;
  p.maxphyaddr = 46;
  p.mmu.l1_dtlb.latency_cycles = 1;
  p.mmu.l1_itlb.latency_cycles = 2;
  p.mmu.l2_tlb.latency_cycles = 7;
  p.walker.step_cycles = 3;
  p.walker.pwc.organisation = PwcOrganisation::kNone;
  p.walker.pwc.latency_cycles = 11;
  p.walker.ntlb.array = ArrayParams{};
  p.walker.ntlb.latency_cycles = 17;
  p.l1i.latency_cycles = 5;
  p.l1d.latency_cycles = 4;
  p.l2.latency_cycles = 14;
  p.llc.latency_cycles = 54;
  p.dram.latency_cycles = 211;
  p.table_path = TablePath::kFlat;
  return p;
}

// Two pages in the same tables; nothing is left to set on the way.
HandTables two_pages() {
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  for (const std::uint64_t offset : {0x0, 0x1000}) {
    tables.map_guest(kGva + offset, kGpa + offset, 1, HandTables::kX86Leaf | kAccessedDirty);
    tables.map_host(kGpa + offset, 1);
    for (unsigned level = 2; level <= 4; ++level) {
      tables.or_bits(tables.guest_entry(kGva + offset, level), kAccessedDirty);
    }
  }
  return tables;
}

std::uint64_t read_cycles(PlatformBench& bench, Gva gva, AccessType type = AccessType::kRead) {
  std::array<std::byte, 8> data{};
  const TimedAccess timed = bench.access({gva, type}, data);
  EXPECT_TRUE(timed.result.ok);
  return timed.cycles;
}

TEST(Latency, TlbHitsCostTheirLevels) {
  const MachineParams p = machine();
  PlatformBench bench(p);
  bench.load(two_pages());
  read_cycles(bench, kGva);
  const std::uint64_t data = p.l1d.latency_cycles;
  EXPECT_EQ(read_cycles(bench, kGva), p.mmu.l1_dtlb.latency_cycles + data);
  // A fetch misses its own first level and hits the second; the line is not in the L1I.
  EXPECT_EQ(read_cycles(bench, kGva, AccessType::kFetch),
            p.mmu.l1_itlb.latency_cycles + p.mmu.l2_tlb.latency_cycles + p.l2.latency_cycles);
  EXPECT_EQ(read_cycles(bench, kGva, AccessType::kFetch),
            p.mmu.l1_itlb.latency_cycles + p.l1i.latency_cycles);
}

TEST(Latency, AColdWalkReadsEveryEntryFromMemory) {
  const MachineParams p = machine();
  PlatformBench bench(p);
  bench.load(two_pages());
  const std::uint64_t tlbs = p.mmu.l1_dtlb.latency_cycles + p.mmu.l2_tlb.latency_cycles;
  const std::uint64_t walk =
      kNumReferences * (p.dram.latency_cycles + std::uint64_t{p.walker.step_cycles});
  EXPECT_EQ(read_cycles(bench, kGva), tlbs + walk + p.dram.latency_cycles);
  EXPECT_EQ(bench.platform.walker().stats().cycles, walk);
  EXPECT_EQ(bench.platform.mmu().stats().walk_cycles, walk);
  EXPECT_EQ(bench.platform.mmu().stats().tlb_cycles, tlbs);
  EXPECT_EQ(bench.platform.mmu().stats().data_cycles, p.dram.latency_cycles);
}

TEST(Latency, AnAccessedUpdateCostsOneMemoryAccess) {
  const MachineParams p = machine();
  PlatformBench bench(p);
  HandTables tables = two_pages();
  tables.clear_bits(tables.guest_entry(kGva, 3), kAccessedDirty);
  tables.clear_bits(tables.guest_entry(kGva, 1), kAccessedDirty);
  bench.load(tables);
  read_cycles(bench, kGva);
  EXPECT_EQ(bench.platform.walker().stats().updates, 2U);
  EXPECT_EQ(bench.platform.walker().stats().cycles,
            kNumReferences * (p.dram.latency_cycles + std::uint64_t{p.walker.step_cycles}) +
                2 * std::uint64_t{p.dram.latency_cycles});
}

TEST(Latency, AWalkCacheHitCostsTheLookupsAndTheRest) {
  MachineParams p = machine();
  p.walker.pwc.organisation = PwcOrganisation::kPerLevel;
  p.walker.pwc.host_stage = false;
  PlatformBench bench(p);
  bench.load(two_pages());
  read_cycles(bench, kGva + 0x1000);
  const std::uint64_t before = bench.platform.walker().stats().cycles;
  read_cycles(bench, kGva);
  // Combined hit on the level-2 entry: the leaf and the final walk are left.
  EXPECT_EQ(bench.platform.walker().stats().cycles - before,
            p.walker.pwc.latency_cycles +
                5 * (p.dram.latency_cycles + std::uint64_t{p.walker.step_cycles}));
}

TEST(Latency, NestedTlbAndHostWalkCacheAreAskedTogether) {
  MachineParams p = machine();
  p.walker.pwc.organisation = PwcOrganisation::kPerLevel;
  p.walker.ntlb.array = ArrayParams{32, 4};
  PlatformBench bench(p);
  bench.load(two_pages());
  read_cycles(bench, kGva + 0x1000);
  const std::uint64_t before = bench.platform.walker().stats().cycles;
  read_cycles(bench, kGva);
  // A guest lookup; the leaf; a host lookup that the slower structure times; the host leaf.
  EXPECT_EQ(bench.platform.walker().stats().cycles - before,
            p.walker.pwc.latency_cycles +
                std::max(p.walker.ntlb.latency_cycles, p.walker.pwc.latency_cycles) +
                2 * (p.dram.latency_cycles + std::uint64_t{p.walker.step_cycles}));
}

}  // namespace

void PrintTo(TablePath path, std::ostream* out) {
  *out << kTablePathNames.at(static_cast<unsigned>(path));
}

namespace {

class LatencyTablePath : public testing::TestWithParam<TablePath> {};

TEST_P(LatencyTablePath, AWarmWalkHitsTheFirstLevelOfItsPath) {
  MachineParams p = machine();
  p.table_path = GetParam();
  p.l1d.ways = p.l2.ways = p.llc.ways = 0;  // tables begin at page boundaries and would collide
  PlatformBench bench(p);
  bench.load(two_pages());
  read_cycles(bench, kGva);
  bench.platform.flush_translations();
  const std::uint64_t before = bench.platform.walker().stats().cycles;
  read_cycles(bench, kGva);
  std::uint64_t latency = 0;
  switch (GetParam()) {
    case TablePath::kL1d:
      latency = p.l1d.latency_cycles;
      break;
    case TablePath::kL2:
      latency = p.l2.latency_cycles;
      break;
    case TablePath::kLlc:
      latency = p.llc.latency_cycles;
      break;
    case TablePath::kFlat:
      latency = p.dram.latency_cycles;
      break;
  }
  EXPECT_EQ(bench.platform.walker().stats().cycles - before,
            kNumReferences * (latency + p.walker.step_cycles));
}

INSTANTIATE_TEST_SUITE_P(Paths, LatencyTablePath,
                         testing::Values(TablePath::kL1d, TablePath::kL2, TablePath::kLlc,
                                         TablePath::kFlat));

TEST(Latency, DataCostsTheLevelThatHasIt) {
  MachineParams p = machine();
  p.l1d = CacheParams{2 * 64, 2, p.l1d.latency_cycles};  // two lines
  p.l2 = CacheParams{4 * 64, 4, p.l2.latency_cycles};
  p.llc = CacheParams{8 * 64, 8, p.llc.latency_cycles};
  PlatformBench bench(p);
  const auto read = [&](std::uint64_t line) {
    return bench.physical_cycles(Hpa(0x1000 + 64 * line), AccessType::kRead);
  };
  for (std::uint64_t line = 0; line < 8; ++line) {
    EXPECT_EQ(read(line), p.dram.latency_cycles);
  }
  EXPECT_EQ(read(7), p.l1d.latency_cycles);
  EXPECT_EQ(read(4), p.l2.latency_cycles) << "one of the last four, not of the last two";
  EXPECT_EQ(read(0), p.llc.latency_cycles);
}

TEST(Latency, WithoutCachesEverythingComesFromMemory) {
  MachineParams p = machine();
  p.l1i = p.l1d = p.l2 = p.llc = CacheParams{};
  p.table_path = TablePath::kL1d;
  PlatformBench bench(p);
  bench.load(two_pages());
  read_cycles(bench, kGva);
  EXPECT_EQ(read_cycles(bench, kGva), p.mmu.l1_dtlb.latency_cycles + p.dram.latency_cycles);
  EXPECT_EQ(bench.platform.walker().stats().cycles,
            kNumReferences * (p.dram.latency_cycles + std::uint64_t{p.walker.step_cycles}));
}

TEST(Latency, AnOpenRowIsFasterUntilAnotherRowOfItsBankIsOpened) {
  MachineParams p = machine();
  p.l1i = p.l1d = p.l2 = p.llc = CacheParams{};
  p.dram.kind = DramKind::kOpenRow;
  p.dram.row_hit_cycles = 97;
  p.dram.banks = 4;
  p.dram.row_bytes = 4096;
  PlatformBench bench(p);
  const std::uint64_t bank_stride = std::uint64_t{p.dram.banks} * p.dram.row_bytes;
  const auto read = [&](std::uint64_t address) {
    return bench.physical_cycles(Hpa(address), AccessType::kRead);
  };
  EXPECT_EQ(read(0), p.dram.latency_cycles);
  EXPECT_EQ(read(4088), p.dram.row_hit_cycles);
  EXPECT_EQ(read(p.dram.row_bytes), p.dram.latency_cycles) << "another bank";
  EXPECT_EQ(read(8), p.dram.row_hit_cycles) << "leaves the first one alone";
  EXPECT_EQ(read(bank_stride), p.dram.latency_cycles) << "another row of the bank";
  EXPECT_EQ(read(16), p.dram.latency_cycles) << "closes the first one";
}

TEST(Latency, AnAccessAcrossLinesIsAHitOnlyIfBothAre) {
  const MachineParams p = machine();
  PlatformBench bench(p);
  bench.physical_cycles(Hpa(0x1000), AccessType::kRead);
  EXPECT_EQ(bench.physical_cycles(Hpa(0x103c), AccessType::kRead), p.dram.latency_cycles);
  EXPECT_EQ(bench.physical_cycles(Hpa(0x103c), AccessType::kRead), p.l1d.latency_cycles);
}

}  // namespace
}  // namespace nestwalk
